-- Purpose: the aggregates onto their topic. Inputs: aggregates. Output: rideshare_gps_aggregates.
-- Key: subject, subject_id, window start. Event time: window_end_ms. Lateness: see packed_pings.
-- At least once: a repeat is the same record.
insert into rideshare_gps_aggregates
select
    subject,
    subject_id,
    window_start_ms,
    window_end_ms,
    ping_count,
    distance_m,
    mean_speed_kmh,
    p95_speed_kmh,
    idle_share,
    run_id
from aggregates
