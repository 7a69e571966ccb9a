-- Purpose: anomalies onto their topic. Inputs: anomalies. Output: rideshare_anomalies. Key: anomaly_id.
-- Event time: event_time_ms. Lateness: see packed_pings. At least once: a repeat is the same record.
insert into rideshare_anomalies
select
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
