-- Purpose: final windows to their topic. Inputs: region_finals. Output: taxi_region_windows.
-- Key: region and window start. Event time: window end. Lateness: see judged.sql.
insert into taxi_region_windows
select
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
