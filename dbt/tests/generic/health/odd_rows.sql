{#-
  What no contract rules out and yet should not be: the rows for which a condition holds. Their percentage of all rows is
  the figure, rounded up, so that a single one is told; the statement names them.
-#}
{% test odd_rows(model, condition) %}
{{ config(
    fail_calc='coalesce(cast(ceil(100.0e0 * count(*) / max(row_count)) as bigint), 0)',
    tags=['health'],
    meta={'topic': 'rules'},
    warn_if='> 0',
    error_if='> 20',
) }}
{{ odd_rows_of(model, condition) }}
{% endtest %}
