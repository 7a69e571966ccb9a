{#- Keeps the first copy across builds, told by a column; a duplicate may come long after its original. -#}
{% macro and_not_yet_taken(events, identity='event_id') -%}
    {%- if is_incremental() -%}
    and not exists (select 1 from {{ this }} as taken where taken.{{ identity }} = {{ events }}.{{ identity }})
    {%- endif -%}
{%- endmacro %}
