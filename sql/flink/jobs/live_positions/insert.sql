-- Purpose: the newest position of drivers and riders for the live map, every ping once. Inputs: rideshare_gps_pings.
-- Output: rideshare_live_positions. Key: entity_id; the feeder keeps the newest by (event_time_ms, seq).
-- Event time: passed on, not waited for: no window, no watermark. Lateness: none, an older ping loses in the feeder.
-- A copy of a ping is dropped for as long as its event_id is remembered (state TTL, processing time). What the rules of
-- the contracts reject is passed over here and counted by ingest_bronze; this filter may let through what only a strict
-- decoder refuses (a number written as text): the feeder decodes strictly and counts it.
insert into rideshare_live_positions
select
    entity_id,
    entity_type,
    lat,
    lon,
    speed_kmh,
    heading_deg,
    driver_status,
    trip_id,
    seq,
    1000 * extract(epoch from event_time) + extract(millisecond from event_time) as event_time_ms,
    event_id,
    run_id
from (
    select
        *,
        row_number() over (partition by event_id order by proctime() asc) as copy_number
    from rideshare_gps_pings
    where
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
        and seq >= 0
) as pings
where copy_number = 1
