{#- Minute of the day, 0 to 1439, on the city's clocks: the key of dim_time. -#}
{% macro minute_of_day(instant) -%}
    hour(at_timezone({{ instant }}, '{{ var("city_time_zone") }}')) * 60
    + minute(at_timezone({{ instant }}, '{{ var("city_time_zone") }}'))
{%- endmacro %}
