{#-
  The JSON object in a binary column as map(varchar, json), NULL where it is no object of readable JSON in UTF-8.

  A map costs one parse for all fields, tells a missing key (NULL) from a null (JSON null), and keeps the case of names.
  The guards are for what the parser would not survive or would let pass: deep nesting overflows the stack of a worker
  (and TRY does not catch that), lone surrogates are no text.
-#}
{% macro parsed_record(raw) -%}
    case
        when length({{ raw }}) <= {{ contract_limits()['max_record_bytes'] }}
            and to_utf8(from_utf8({{ raw }})) = {{ raw }}
            and {{ nesting_depth('from_utf8(' ~ raw ~ ')') }} <= {{ max_nesting_depth() }}
            and not {{ has_lone_surrogate('from_utf8(' ~ raw ~ ')') }}
            then try(cast(json_parse(from_utf8({{ raw }})) as map(varchar, json)))
    end
{%- endmacro %}


{#- Python's decoder gives up between 990 and 1,000 levels, depending on its caller; a worker dies between 5,000 and 100,000. -#}
{% macro max_nesting_depth() -%}
    {{ return(990) }}
{%- endmacro %}


{#- Deepest level of brackets outside strings; 0 without looking where the text is too short or has too few to matter. -#}
{% macro nesting_depth(text) -%}
    case
        when length({{ text }}) <= {{ max_nesting_depth() }} then 0
        when length({{ text }}) - length(replace(replace({{ text }}, '[', ''), '{', '')) <= {{ max_nesting_depth() }} then 0
        else reduce(
            regexp_extract_all(regexp_replace({{ text }}, '"(?:[^"\\]|\\.)*+"', ''), '[\[\]{}]'),
            cast(row(0, 0) as row(depth integer, deepest integer)),
            (state, bracket) -> cast(
                row(
                    state.depth + if(bracket in ('[', '{'), 1, -1),
                    greatest(state.deepest, state.depth + if(bracket in ('[', '{'), 1, 0))
                ) as row(depth integer, deepest integer)
            ),
            state -> state.deepest
        )
    end
{%- endmacro %}


{#- Whether a \u escape names half a surrogate pair; escaped backslashes and whole pairs are taken out first. -#}
{% macro has_lone_surrogate(text) -%}
    case
        when strpos({{ text }}, chr(92) || 'u') = 0 then false
        else regexp_like(
            regexp_replace(
                replace({{ text }}, '\\', ''),
                '\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}',
                ''
            ),
            '\\u[dD][89a-fA-F]'
        )
    end
{%- endmacro %}
