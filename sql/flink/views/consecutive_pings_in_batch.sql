-- Purpose: what consecutive_pings.sql says of a stream, for a batch, which sorts by the place in the log too.
-- A batch cannot look back at rows, only at values.
-- Inputs: timely_pings. Output: view consecutive_pings. Key: (run_id, entity_id). Event time: rowtime, kept.
-- Lateness: see timely_pings.
create temporary view consecutive_pings as
select
    run_id,
    entity_id,
    entity_type,
    event_id,
    rowtime,
    event_time_ms,
    lat,
    lon,
    accuracy_m,
    speed_kmh,
    driver_status,
    is_suspect,
    lag(is_suspect, 1) over by_place as previous_is_suspect,
    lag(event_time_ms, 1) over by_place is null as is_first,
    lag(event_time_ms, 1) over by_place as previous_event_time_ms,
    lag(lat, 1) over by_place as previous_lat,
    lag(lon, 1) over by_place as previous_lon,
    is_copy
from (
    select
        *,
        row_number() over (partition by run_id, entity_id, event_id order by rowtime, kafka_offset) > 1 as is_copy
    from timely_pings
)
window by_place as (partition by run_id, entity_id order by rowtime, kafka_offset)
