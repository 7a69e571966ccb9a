-- Purpose: what this job needs of every record, once read and timed: silences and movements branch off behind this.
-- Inputs: ${pings}. Output: a query. Key: (partition, offset). Event time: rowtime, kept. Lateness: none here.
select
    event_id,
    event_type,
    schema_version,
    event_time,
    run_id,
    entity_type,
    entity_id,
    lat,
    lon,
    speed_kmh,
    heading_deg,
    accuracy_m,
    seq,
    driver_status,
    kafka_offset,
    event_instant,
    high,
    rowtime
from ${pings}
