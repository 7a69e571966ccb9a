{#- The values that the contract allows in a top-level field of a topic's event. -#}
{% macro allowed_values(topic, name) -%}
    {%- for field in contract_fields()[topic]['fields'] if field['path'] == [name] -%}
        {{ return(field['enum']) }}
    {%- endfor -%}
{%- endmacro %}
