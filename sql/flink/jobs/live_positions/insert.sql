-- Purpose: the newest position of drivers and riders for the live map, every ping once. Inputs: valid_pings.
-- Output: rideshare_live_positions. Key: entity_id; the feeder keeps the newest by (event_time_ms, seq).
-- Event time: passed on, not waited for: no window, no watermark. Lateness: none, an older ping loses in the feeder.
-- A copy of a ping is dropped for as long as its event_id is remembered (state TTL, processing time). What valid_pings
-- lets through although a strict decoder refuses it, the feeder counts.
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
    from valid_pings
) as pings
where copy_number = 1
