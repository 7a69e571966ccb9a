{#-
  Volume: by how many percent the rows of the newest complete hour and the mean of the up to 24 hours before it differ,
  of the greater of the two: 50 is half or twice as many, 90 a tenth or ten times as many.
  An hour is complete once a later one has rows; with fewer than three hours before it there is nothing usual yet.
-#}
{% test percent_off_usual_volume(model, column) %}
{{ config(fail_calc='coalesce(max(percentage), 0)', tags=['health']) }}
with hours as (
    select
        date_trunc('hour', {{ column }}) as hour_start,
        count(*) as row_count
    from {{ model }}
    group by date_trunc('hour', {{ column }})
),

ranked as (
    select
        row_count,
        row_number() over (order by hour_start desc) as age
    from hours
),

compared as (
    select
        max(case when age = 2 then row_count end) as newest_count,
        avg(case when age between 3 and 26 then cast(row_count as double) end) as usual_count,
        count(case when age between 3 and 26 then 1 end) as hour_count
    from ranked
)

select
    cast(
        round(100.0e0 * abs(newest_count - usual_count) / greatest(cast(newest_count as double), usual_count)) as bigint
    ) as percentage
from compared
where hour_count >= 3
{% endtest %}
