-- Purpose: the aggregates into the lake, exactly once, visible at the checkpoint. Inputs: aggregates.
-- Output: ${target_table}. Key: subject, subject_id, window start, run. Event time: window_end_ms.
-- Lateness: see packed_pings.
insert into ${target_table} /*+ options('uid-suffix' = '${uid}') */
select
    current_timestamp as _written_at,
    cast(current_timestamp as date) as _written_date,
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
