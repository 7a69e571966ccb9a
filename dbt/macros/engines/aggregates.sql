{#- Aggregates that the engines name or define differently. -#}

{#- The value in the row with the highest key, also where it is NULL there. -#}
{% macro value_at_highest(value, key) -%}
    {{ return(adapter.dispatch('value_at_highest')(value, key)) }}
{%- endmacro %}

{% macro trino__value_at_highest(value, key) -%}
    max_by({{ value }}, {{ key }})
{%- endmacro %}

{% macro duckdb__value_at_highest(value, key) -%}
    arg_max_null({{ value }}, {{ key }})
{%- endmacro %}


{#- The sum of integers as an integer of 64 bits. -#}
{% macro integer_sum(value) -%}
    cast(sum({{ value }}) as bigint)
{%- endmacro %}


{#-
  Continuous percentile of doubles (linear interpolation between closest ranks, as percentile_cont), NULLs left out.
  Trino has only an approximate one.
-#}
{% macro percentile(value, share) -%}
    {{ return(adapter.dispatch('percentile')(value, share)) }}
{%- endmacro %}

{% macro trino__percentile(value, share) -%}
    {%- set sorted = 'array_sort(array_agg(' ~ value ~ ') filter (where ' ~ value ~ ' is not null))' -%}
    {%- set rank = '(' ~ share ~ ' * (count(' ~ value ~ ') - 1))' -%}
    {%- set below = 'cast(floor(' ~ rank ~ ') as bigint)' -%}
    element_at({{ sorted }}, {{ below }} + 1)
    + ({{ rank }} - floor({{ rank }})) * (
        element_at({{ sorted }}, least({{ below }} + 2, count({{ value }}))) - element_at({{ sorted }}, {{ below }} + 1)
    )
{%- endmacro %}

{% macro duckdb__percentile(value, share) -%}
    quantile_cont({{ value }}, {{ share }})
{%- endmacro %}


{#- A window function: the newest value that is not NULL. -#}
{% macro last_known(value) -%}
    {{ return(adapter.dispatch('last_known')(value)) }}
{%- endmacro %}

{% macro trino__last_known(value) -%}
    last_value({{ value }}) ignore nulls
{%- endmacro %}

{% macro duckdb__last_known(value) -%}
    last_value({{ value }} ignore nulls)
{%- endmacro %}
