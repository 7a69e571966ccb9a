{#-
  Volume: by how many percent the rows of the newest complete hour and the mean of the 24 hours before it differ, of the
  greater of the two: 50 is half or twice as many, 90 a tenth or ten times as many.
  An hour is complete once a later one has rows. Hours without rows count as 0, but none before the first row of all; with
  fewer than three hours that have any there is nothing usual yet.
  A clock that is ahead must not set the hour for all others: rows with less than that behind them are passed over, and an
  hour ahead of the wall clock ends one before it only where that has a hundredth of the busiest hour's rows (a simulated
  city may well be ahead).
-#}
{% test percent_off_usual_volume(model, column) %}
{{ config(fail_calc='coalesce(max(percentage), 0)', tags=['health']) }}
{%- set origin = instant_literal('1970-01-01 00:00:00.000') %}
with hours as (
    select
        date_diff('hour', {{ origin }}, {{ column }}) as hour_number,
        count(*) as row_count
    from {{ model }}
    group by 1
),

judged as (
    select
        hour_number,
        coalesce(
            sum(row_count) over (order by hour_number range between 1 preceding and 1 preceding), 0
        ) as newest_count,
        sum(row_count) over day_before as day_count,
        count(*) over day_before as hour_count,
        least(24, hour_number - 1 - min(hour_number) over ()) as day_hours,
        max(row_count) over () as busiest_count
    from hours
    window day_before as (order by hour_number range between 25 preceding and 2 preceding)
),

newest as (
    select
        cast(newest_count as double) as newest_count,
        day_count * 1.0e0 / day_hours as usual_count
    from judged
    where
        hour_count >= 3
        and (
            hour_number <= date_diff('hour', {{ origin }}, {{ now() }})
            or newest_count * 100 >= busiest_count
        )
    order by hour_number desc
    limit 1
)

select
    cast(round(100.0e0 * abs(newest_count - usual_count) / greatest(newest_count, usual_count)) as bigint) as percentage
from newest
{% endtest %}
