{#- Instants and clocks, on either engine. Instants are timestamps with time zone, in UTC, to the microsecond. -#}

{#- The instant of a text like 2026-03-02 09:00:00.000 in UTC. -#}
{% macro instant_literal(text) -%}
    {{ return(adapter.dispatch('instant_literal')(text)) }}
{%- endmacro %}

{% macro trino__instant_literal(text) -%}
    timestamp '{{ text }} UTC'
{%- endmacro %}

{% macro duckdb__instant_literal(text) -%}
    timestamptz '{{ text }}+00'
{%- endmacro %}


{#- The instant of epoch milliseconds. -#}
{% macro instant_of_ms(milliseconds) -%}
    {{ return(adapter.dispatch('instant_of_ms')(milliseconds)) }}
{%- endmacro %}

{% macro trino__instant_of_ms(milliseconds) -%}
    cast(from_unixtime_nanos(({{ milliseconds }}) * 1000000) as timestamp(6) with time zone)
{%- endmacro %}

{% macro duckdb__instant_of_ms(milliseconds) -%}
    make_timestamptz(({{ milliseconds }}) * 1000)
{%- endmacro %}


{#- Whole seconds since 1970, fractions cut off. -#}
{% macro seconds_of_instant(instant) -%}
    date_diff('second', {{ instant_literal('1970-01-01 00:00:00.000') }}, {{ instant }})
{%- endmacro %}


{#- The start of the tumbling window, of whole seconds, that an instant is in; windows begin at 1970 as Flink's do. -#}
{% macro window_start(instant, length_ms) -%}
    {%- if length_ms % 1000 -%}
        {{ exceptions.raise_compiler_error('no SQL for windows of ' ~ length_ms ~ ' ms: only whole seconds') }}
    {%- endif -%}
    {%- set seconds = seconds_of_instant(instant) -%}
    {{ instant_of_ms('(' ~ seconds ~ ' - mod(' ~ seconds ~ ', ' ~ length_ms // 1000 ~ ')) * 1000') }}
{%- endmacro %}


{#- The wall time of the statement. -#}
{% macro now() -%}
    {{ return(adapter.dispatch('now')()) }}
{%- endmacro %}

{% macro trino__now() -%}
    cast(current_timestamp as timestamp(6) with time zone)
{%- endmacro %}

{% macro duckdb__now() -%}
    current_timestamp
{%- endmacro %}


{#- What the city's clocks show, as a timestamp without time zone. -#}
{% macro city_time(instant) -%}
    {{ return(adapter.dispatch('city_time')(instant)) }}
{%- endmacro %}

{% macro trino__city_time(instant) -%}
    cast(at_timezone({{ instant }}, '{{ var("city_time_zone") }}') as timestamp(6))
{%- endmacro %}

{% macro duckdb__city_time(instant) -%}
    timezone('{{ var("city_time_zone") }}', {{ instant }})
{%- endmacro %}


{#- Minutes since midnight on the city's clocks, 0 to 1439: the key of dim_time. -#}
{% macro minute_of_day(instant) -%}
    cast(extract(hour from {{ city_time(instant) }}) * 60 + extract(minute from {{ city_time(instant) }}) as bigint)
{%- endmacro %}


{#- The day on the city's calendar: the key of dim_date. -#}
{% macro city_date(instant) -%}
    cast({{ city_time(instant) }} as date)
{%- endmacro %}
