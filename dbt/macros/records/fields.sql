{#-
  Typed readers of one key of a record, from the column `<key>_json` that `read_records` gives (nested: `<parent>_<key>_json`).
  TRY_CAST everywhere: the optimizer may compute them before the filter.
  A backslash is written chr(92): linters take it for an escape.
-#}

{#- A string; NULL for JSON null. -#}
{% macro text_field(name) -%}
    {{ return(adapter.dispatch('text_field')(name)) }}
{%- endmacro %}

{#- A cast starts a JSON parser per value, so it is left to strings with escapes. -#}
{% macro trino__text_field(name) -%}
    case
        when starts_with({{ name }}_json, '"') and strpos({{ name }}_json, chr(92)) = 0
            then substr({{ name }}_json, 2, length({{ name }}_json) - 2)
        else try_cast(try(json_parse({{ name }}_json)) as varchar)
    end
{%- endmacro %}

{% macro duckdb__text_field(name) -%}
    json_extract_string({{ name }}_json, '$')
{%- endmacro %}


{% macro number_field(name) -%}
    try_cast({{ name }}_json as double)
{%- endmacro %}


{% macro integer_field(name) -%}
    try_cast({{ name }}_json as bigint)
{%- endmacro %}


{#- An array of strings as one text, separated by commas; empty where the key is missing. -#}
{% macro texts_field(name) -%}
    {{ return(adapter.dispatch('texts_field')(name)) }}
{%- endmacro %}

{% macro trino__texts_field(name) -%}
    coalesce(array_join(try_cast(try(json_parse({{ name }}_json)) as array(varchar)), ','), '')
{%- endmacro %}

{% macro duckdb__texts_field(name) -%}
    coalesce(array_to_string(try_cast(try_cast({{ name }}_json as json) as varchar[]), ','), '')
{%- endmacro %}


{#- The instant, to the microsecond; NULL where the text is no RFC 3339 in UTC. -#}
{% macro instant_field(name) -%}
    {{ return(adapter.dispatch('instant_field')(name)) }}
{%- endmacro %}

{% macro trino__instant_field(name) -%}
    case
        when regexp_like(
            {{ name }}_json,
            '^"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z"$'
        )
            then cast(
                try(from_iso8601_timestamp_nanos(substr({{ name }}_json, 2, length({{ name }}_json) - 2)))
                as timestamp(6) with time zone
            )
    end
{%- endmacro %}

{% macro duckdb__instant_field(name) -%}
    try_cast({{ text_field(name) }} as timestamp with time zone)
{%- endmacro %}


{#- A field of a topic's event by its contract: the column's path joined by underscores says which. -#}
{% macro contract_field(topic, name) -%}
    {%- for field in contract_fields()[topic]['fields'] if field['path'] | join('_') == name -%}
        {%- set reader = {
            'string': text_field, 'integer': integer_field, 'number': number_field, 'array': texts_field,
        }[field['type']] -%}
        {{ reader(name) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error(topic ~ ' has no field ' ~ name) }}
    {%- endfor -%}
{%- endmacro %}
