-- Purpose: how long completed trips are, by hour of the day.
-- Reads: gold.fact_trips, gold.dim_time. One row per hour of the day on the city's clocks; percentiles are approximate.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    times.hour_of_day,
    count(*) as trips,
    approx_percentile(trips.distance_m, 0.5) as distance_p50_m,
    approx_percentile(trips.distance_m, 0.9) as distance_p90_m,
    approx_percentile(trips.duration_s, 0.5) as duration_p50_s,
    approx_percentile(trips.duration_s, 0.9) as duration_p90_s
from lake.gold.fact_trips as trips
inner join lake.gold.dim_time as times on trips.requested_minute_of_day = times.minute_of_day
where trips.state = 'COMPLETED' and trips.requested_date between $first_day and $last_day
group by times.hour_of_day
order by times.hour_of_day asc
