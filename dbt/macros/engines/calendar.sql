{#- First and last day that the contracts accept events of, and a day on either side for local clocks: dim_date's range. -#}
{% macro first_day() -%}
    {{ return(((contract_fields().values() | map(attribute='earliest') | min)[:4] | int - 1) ~ '-12-31') }}
{%- endmacro %}

{% macro last_day() -%}
    {{ return(((contract_fields().values() | map(attribute='latest') | max)[:4] | int + 1) ~ '-01-01') }}
{%- endmacro %}
