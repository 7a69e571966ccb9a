-- Purpose: who cancels trips, at which stage and why.
-- Reads: gold.fact_cancellations. One row per party, last state before the end and reason.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    cancelled_by,
    cancel_reason,
    reached,
    count(*) as trips,
    round(100.0 * count(*) / sum(count(*)) over (), 1) as percent
from lake.gold.fact_cancellations
where requested_date between $first_day and $last_day
group by 1, 2, 3
order by 4 desc, 1 asc, 2 asc, 3 asc
