{#- Keeps the first copy of an event across builds; a duplicate may come long after its original. -#}
{% macro and_not_yet_taken(events) -%}
    {%- if is_incremental() -%}
    and not exists (select 1 from {{ this }} as taken where taken.event_id = {{ events }}.event_id)
    {%- endif -%}
{%- endmacro %}
