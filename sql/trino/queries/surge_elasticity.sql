-- Purpose: what riders do at each surge multiplier: how many requests end in a trip.
-- Reads: gold.fact_trips. One row per multiplier, finished trips only.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    round(surge_multiplier, 1) as multiplier,
    count(*) as requests,
    count_if(state = 'COMPLETED') as completed,
    round(100.0 * count_if(state = 'COMPLETED') / count(*), 1) as completed_percent,
    round(100.0 * count_if(cancelled_by = 'rider') / count(*), 1) as cancelled_by_rider_percent
from lake.gold.fact_trips
where is_final and requested_date between $first_day and $last_day
group by round(surge_multiplier, 1)
order by multiplier asc
