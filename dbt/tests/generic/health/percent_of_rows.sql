{#- Distribution: the percentage of rows (of those that `among` selects) for which a condition holds, rounded up. -#}
{% test percent_of_rows(model, condition, among='true') %}
{{ config(fail_calc='coalesce(max(percentage), 0)', tags=['health']) }}
select cast(ceil(100.0e0 * count_if({{ condition }}) / nullif(count(*), 0)) as bigint) as percentage
from {{ model }}
where {{ among }}
{% endtest %}
