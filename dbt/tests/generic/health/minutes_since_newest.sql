{#- Freshness: minutes of wall time since the newest instant of a column; nothing to judge in an empty table. -#}
{% test minutes_since_newest(model, column) %}
{{ config(fail_calc='coalesce(max(minutes), 0)', tags=['health']) }}
select date_diff('minute', max({{ column }}), {{ now() }}) as minutes
from {{ model }}
{% endtest %}
