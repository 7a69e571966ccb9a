{#-
  Typed readers of one key of a record, from the column `<key>_json` that `read_records` gives (nested: `<parent>_<key>_json`).
  TRY_CAST everywhere: the optimizer may compute them before the filter.
  A backslash is written chr(92): linters take it for an escape.
-#}

{#- A string; NULL for JSON null. A cast starts a JSON parser per value, so it is left to strings with escapes. -#}
{% macro text_field(name) -%}
    case
        when starts_with({{ name }}_json, '"') and strpos({{ name }}_json, chr(92)) = 0
            then substr({{ name }}_json, 2, length({{ name }}_json) - 2)
        else try_cast(try(json_parse({{ name }}_json)) as varchar)
    end
{%- endmacro %}


{% macro number_field(name) -%}
    try_cast({{ name }}_json as double)
{%- endmacro %}


{% macro integer_field(name) -%}
    try_cast({{ name }}_json as bigint)
{%- endmacro %}


{#- The instant as timestamp(6) with time zone; NULL where the text is no RFC 3339 in UTC. -#}
{% macro instant_field(name) -%}
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
