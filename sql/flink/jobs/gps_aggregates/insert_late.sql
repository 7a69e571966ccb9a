-- Purpose: pings that came later than their partition allows, to their topic. Inputs: valid_pings.
-- Output: rideshare_gps_pings_late. Key: entity_id. Event time: event_time.
-- Lateness: more than $allowance_ms behind the newest event time of the partition. Riders' pings are here too.
insert into rideshare_gps_pings_late
select
    event_id,
    event_type,
    schema_version,
    event_time,
    run_id,
    correlation_id,
    causation_id,
    entity_type,
    entity_id,
    lat,
    lon,
    speed_kmh,
    heading_deg,
    accuracy_m,
    seq,
    trip_id,
    driver_status
from valid_pings
where rowtime < high - interval '0.001' second * $allowance_ms
