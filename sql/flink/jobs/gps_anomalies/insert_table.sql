-- Purpose: anomalies into the lake, exactly once, visible at the checkpoint. Inputs: anomalies.
-- Output: ${target_table}. Key: anomaly_id and phase. Event time: event_time_ms. Lateness: see packed_pings.
insert into ${target_table} /*+ options('uid-suffix' = '${uid}') */
select
    current_timestamp as _written_at,
    cast(current_timestamp as date) as _written_date,
    anomaly_id,
    kind,
    phase,
    severity,
    rule_version,
    reason,
    entity_id,
    entity_type,
    event_time_ms,
    run_id,
    event_id,
    lat,
    lon,
    accuracy_m,
    previous_event_time_ms,
    previous_lat,
    previous_lon,
    distance_m,
    speed_kmh,
    lasted_ms
from anomalies
