-- Purpose: how an open window stands after each of its trips, so that nobody waits for the watermark.
-- Inputs: region_fresh. Output: region_early. Key: region and window start. Event time: none. Lateness: none.
-- is_final is false: a reader never puts it over a final one. The final windows come from a branch of their own.
-- State: one row per open window, forgotten an hour of wall time after its last trip.
insert into region_early
select
    region_id,
    window_start_ms,
    window_end_ms,
    trip_count,
    cast(sum_fare_minor as double) / trip_count as average_fare_minor,
    cast(sum_distance_m as double) as total_distance_m,
    cast(sum_duration_s as double) / trip_count as average_duration_s,
    percentiles[1] as p50_duration_s,
    percentiles[2] as p95_duration_s,
    currency,
    false as is_final,
    percentiles[3] as p99_duration_s
from (
    select /*+ state_ttl('region_fresh' = '1h') */
        region_id,
        window_start_ms,
        max(window_end_ms) as window_end_ms,
        count(*) as trip_count,
        sum(fare_minor) as sum_fare_minor,
        sum(cast(distance_m as decimal(20, 6))) as sum_distance_m,
        sum(cast(duration_s as decimal(20, 6))) as sum_duration_s,
        percentile(duration_s, array[0.5, 0.95, 0.99]) as percentiles,
        min(currency) as currency
    from region_fresh
    group by region_id, window_start_ms
)
