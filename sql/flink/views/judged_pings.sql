-- Purpose: every record of a source, and whether it is a ping that the rules of the contracts accept.
-- Inputs: ${source}. Output: view judged_pings. Key: entity_id. Event time: rowtime, kept. Lateness: none here.
-- What is passed over is counted by ingest_bronze; this may accept what only a strict decoder refuses
-- (a number written as text).
create temporary view judged_pings as
select
    *, -- noqa: AM04
    coalesce(
        event_type = 'gps_ping'
        and schema_version = ${schema_version}
        and rowtime > to_timestamp_ltz(0, 3)
        and event_id <> ''
        and run_id <> ''
        and entity_id <> ''
        and entity_type in (${entity_types})
        and (driver_status is null or driver_status in (${driver_statuses}))
        and lat between -90 and 90
        and lon between -180 and 180
        and speed_kmh >= 0
        and heading_deg between 0 and 360
        and accuracy_m >= 0
        and seq >= 0,
        false
    ) as is_valid
from ${source}
