{#-
  Rows that refer to what another table does not know, where no contract says that it must. Figure and rows as of odd_rows;
  NULL refers to nothing.
-#}
{% test unknown_references(model, column_name, to, field) %}
{{ config(
    fail_calc='coalesce(cast(ceil(100.0e0 * count(*) / max(row_count)) as bigint), 0)',
    tags=['health'],
    meta={'topic': 'relationships'},
    warn_if='> 0',
    error_if='> 20',
) }}
{%- set condition -%}
    odd.{{ column_name }} is not null
    and not exists (
        select 1
        from {{ to }} as known
        where known.{{ field }} = odd.{{ column_name }}
    )
{%- endset %}
{{ odd_rows_of(model, condition) }}
{% endtest %}
