{#- Values that the engines make differently. -#}

{#- A table function: the integers from one to another, both inclusive; to be named `as t (column)`. -#}
{% macro integers(first, last) -%}
    {{ return(adapter.dispatch('integers')(first, last)) }}
{%- endmacro %}

{% macro trino__integers(first, last) -%}
    unnest(sequence(bigint '{{ first }}', bigint '{{ last }}'))
{%- endmacro %}

{% macro duckdb__integers(first, last) -%}
    unnest(generate_series({{ first }}::bigint, {{ last }}::bigint))
{%- endmacro %}


{#- A table function: the days from one to another, both inclusive; to be named `as t (column)`. -#}
{% macro days(first, last) -%}
    {{ return(adapter.dispatch('days')(first, last)) }}
{%- endmacro %}

{#- A sequence of Trino has at most 10,000 entries. -#}
{% macro trino__days(first, last) -%}
    (
        select date_add('day', hundreds.number * 100 + ones.number, date '{{ first }}')
        from unnest(sequence(0, date_diff('day', date '{{ first }}', date '{{ last }}') / 100)) as hundreds (number)
        cross join unnest(sequence(0, 99)) as ones (number)
        where hundreds.number * 100 + ones.number <= date_diff('day', date '{{ first }}', date '{{ last }}')
    )
{%- endmacro %}

{% macro duckdb__days(first, last) -%}
    (select cast(unnest(generate_series(date '{{ first }}', date '{{ last }}', interval 1 day)) as date))
{%- endmacro %}


{#- A key made of texts: 32 hexadecimal digits of their MD5, the same on either engine. -#}
{% macro key_of(texts) -%}
    {{ return(adapter.dispatch('key_of')(texts | join(" || '|' || "))) }}
{%- endmacro %}

{% macro trino__key_of(text) -%}
    lower(to_hex(md5(to_utf8({{ text }}))))
{%- endmacro %}

{% macro duckdb__key_of(text) -%}
    md5({{ text }})
{%- endmacro %}


{#- One of a record's headers as text, NULL where it is missing; what is no UTF-8 is replaced by U+FFFD. -#}
{% macro header_text(name) -%}
    {{ return(adapter.dispatch('header_text')(name)) }}
{%- endmacro %}

{% macro trino__header_text(name) -%}
    from_utf8(element_at(_kafka_headers, '{{ name }}'))
{%- endmacro %}

{% macro duckdb__header_text(name) -%}
    utf8_text(_kafka_headers['{{ name }}'])
{%- endmacro %}
