-- Purpose: final windows to Iceberg, committed with each checkpoint. Inputs: region_finals. Output: $target_table.
-- Key: region and window start; a job that is started from the beginning writes the same rows again.
-- Event time: window end. Lateness: see judged.sql. uid-suffix: names the sink's operators, so that state finds them.
insert into $target_table /*+ options('uid-suffix' = '$uid') */
select
    current_timestamp as _written_at,
    cast(current_timestamp as date) as _written_date,
    region_id,
    extract(epoch from window_start) * 1000 as window_start_ms,
    extract(epoch from window_end) * 1000 as window_end_ms,
    trip_count,
    average_fare_minor,
    total_distance_m,
    average_duration_s,
    percentiles[1] as p50_duration_s,
    percentiles[2] as p95_duration_s,
    currency,
    true as is_final,
    percentiles[3] as p99_duration_s
from region_finals
