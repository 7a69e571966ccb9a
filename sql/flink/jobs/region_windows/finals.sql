-- Purpose: count, averages and percentiles of the trips of one region in one minute of pickup time.
-- Inputs: region_judged. Output: view region_finals. Key: region and window start. Event time: window end.
-- Lateness: see judged.sql. A repeated event counts once per window. Percentiles are exact and continuous.
-- Distances and durations are summed as decimals: a sum of doubles depends on the order of arrival, and a repeat after
-- a recovery has to be the same record.
create temporary view region_finals as
select
    region_id,
    window_start,
    window_end,
    trip_count,
    percentiles,
    currency,
    cast(sum_fare_minor as double) / trip_count as average_fare_minor,
    cast(sum_distance_m as double) as total_distance_m,
    cast(sum_duration_s as double) / trip_count as average_duration_s
from (
    select
        region_id,
        window_start,
        window_end,
        count(*) as trip_count,
        sum(fare_minor) as sum_fare_minor,
        sum(cast(distance_m as decimal(20, 6))) as sum_distance_m,
        sum(cast(duration_s as decimal(20, 6))) as sum_duration_s,
        percentile(duration_s, array[0.5, 0.95, 0.99]) as percentiles,
        min(currency) as currency
    from (
        select
            region_id,
            duration_s,
            distance_m,
            fare_minor,
            currency,
            window_start,
            window_end,
            row_number() over (partition by window_start, window_end, event_id order by rowtime asc) as copy
        from region_judged
        where not is_late
    )
    where copy = 1
    group by region_id, window_start, window_end
)
