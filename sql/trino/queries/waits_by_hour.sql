-- Purpose: how long riders waited from request to the driver's arrival, by the hour of the request.
-- Reads: gold.fact_trips. One row per UTC hour of the request; seconds, percentiles are approximate.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    requested_hour,
    count(*) as pickups,
    approx_percentile(date_diff('second', requested_at, driver_arrived_at), 0.5) as wait_p50_s,
    approx_percentile(date_diff('second', requested_at, driver_arrived_at), 0.9) as wait_p90_s
from lake.gold.fact_trips
where
    driver_arrived_at is not null
    and requested_at is not null
    and requested_date between $first_day and $last_day
group by requested_hour
order by requested_hour asc
