-- Purpose: each ping with the one before it by event time, then by the log.
-- lag() takes rows of equal time as one group and answers for its last row, so the one before is the nearest of four
-- that lies earlier: exact for up to four pings of one entity at one instant, copies included.
-- Inputs: timely_pings. Output: view consecutive_pings. is_first: there is none before; is_copy: a copy of an earlier
-- ping, which has moved by nothing in no time.
-- Key: (run_id, entity_id). Event time: rowtime, kept. Lateness: see timely_pings.
-- State: four pings per entity of a run, for as long as the state's time to live. A frame of two rows would look
-- through all waiting pings of the entity for each of them: half the speed, and far less after an outage.
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
    seen.ping_before.is_suspect as previous_is_suspect,
    seen.ping_before.event_time_ms is null as is_first,
    seen.ping_before.event_time_ms as previous_event_time_ms,
    seen.ping_before.lat as previous_lat,
    seen.ping_before.lon as previous_lon,
    coalesce(seen.ping_1.event_id = event_id and seen.ping_1.place < kafka_offset, false)
    or coalesce(seen.ping_2.event_id = event_id and seen.ping_2.place < kafka_offset, false)
    or coalesce(seen.ping_3.event_id = event_id and seen.ping_3.place < kafka_offset, false) as is_copy
from (
    select
        *,
        case
            when near.ping_1.event_time_ms < event_time_ms or near.ping_1.place < kafka_offset then ping_1
            when near.ping_2.event_time_ms < event_time_ms or near.ping_2.place < kafka_offset then ping_2
            when near.ping_3.event_time_ms < event_time_ms or near.ping_3.place < kafka_offset then ping_3
            when near.ping_4.event_time_ms < event_time_ms then ping_4
        end as ping_before
    from (
        select
            *,
            lag(ping, 1) over by_time as ping_1,
            lag(ping, 2) over by_time as ping_2,
            lag(ping, 3) over by_time as ping_3,
            lag(ping, 4) over by_time as ping_4
        from (
            select
                *,
                cast(
                    row(event_time_ms, kafka_offset, event_id, lat, lon, is_suspect)
                    as row<event_time_ms bigint, place bigint, event_id string, lat double, lon double, is_suspect int>
                ) as ping
            from timely_pings
        )
        window by_time as (partition by run_id, entity_id order by rowtime)
    ) as near
) as seen
