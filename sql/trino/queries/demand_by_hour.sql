-- Purpose: the city's demand hour by hour: requests, how they ended, mean surge.
-- Reads: gold.agg_hourly_zone_demand. One row per hour.
-- Parameter first_day (date, default 2000-01-01): the first UTC day that counts.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    hour_start,
    sum(request_count) as requests,
    sum(completed_count) as completed,
    sum(cancelled_count) as cancelled,
    sum(open_count) as still_open,
    round(sum(mean_surge_multiplier * request_count) / sum(request_count), 2) as mean_surge
from lake.gold.agg_hourly_zone_demand
where cast(hour_start as date) between $first_day and $last_day
group by hour_start
order by hour_start asc
