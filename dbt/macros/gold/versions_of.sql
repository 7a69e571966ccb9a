{#-
  The versions of an entity (SCD2): one per profile event that changed something, each valid until the next begins.

  Everything follows from event time, so an update that comes days late takes its place between its neighbours, and the
  version before it ends earlier. Of events at one instant the last one sent counts. The key of a version is made of the
  entity and the event that begins it: it stays what it is when others come in.

  Args:
      profiles: Relation of profile events.
      entity: `driver` or `rider`.
      attributes: Columns that make a version.
-#}
{% macro versions_of(profiles, entity, attributes) -%}
with ranked as (
    select
        *,
        row_number() over (
            partition by {{ entity }}_id, event_time
            order by _kafka_partition desc, _kafka_offset desc
        ) as rank_at_instant
    from {{ profiles }}
),

compared as (
    select
        *,
        row_number() over entity as place
        {%- for name in attributes %},
        lag({{ name }}) over entity as previous_{{ name }}
        {%- endfor %}
    from ranked
    where rank_at_instant = 1
    window entity as (partition by {{ entity }}_id order by event_time)
),

changed as (
    select *
    from compared
    where
        place = 1
        {%- for name in attributes %}
        or {{ name }} is distinct from previous_{{ name }}
        {%- endfor %}
),

bounded as (
    select
        *,
        row_number() over (partition by {{ entity }}_id order by event_time) as version_number,
        lead(event_time) over (partition by {{ entity }}_id order by event_time) as valid_to
    from changed
)

select
    {{ key_of([entity ~ '_id', 'event_id']) }} as {{ entity }}_key,
    {{ entity }}_id,
    version_number,
    event_time as valid_from,
    valid_to,
    valid_to is null as is_current,
    {%- for name in attributes %}
    {{ name }}{{ ' as ' ~ name.removeprefix('dna_') if name.startswith('dna_') }},
    {%- endfor %}
    event_id
from bounded
{%- endmacro %}
