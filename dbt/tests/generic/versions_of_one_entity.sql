{#- Versions of an entity neither overlap nor leave a gap, and exactly one is current: what a version breaks, a row each. -#}
{% test versions_of_one_entity(model, entity) %}
with neighbours as (
    select
        {{ entity }},
        valid_from,
        valid_to,
        is_current,
        lead(valid_from) over (partition by {{ entity }} order by valid_from) as next_from
    from {{ model }}
)

select *
from neighbours
where
    valid_to is distinct from next_from
    or is_current is distinct from (next_from is null)
    or valid_to <= valid_from
{% endtest %}
