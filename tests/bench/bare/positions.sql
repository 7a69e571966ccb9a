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
    where event_type = 'gps_ping'
) as pings
where copy_number = 1
