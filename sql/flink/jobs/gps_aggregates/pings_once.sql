-- Purpose: each ping once in its window, with its leg. Of the copies of a ping the first has the leg, the others have
-- moved by nothing: the longest is the right one.
-- Inputs: legs. Output: view pings_once. Key: event_id. Event time: window end. Lateness: see consecutive_pings.
create temporary view pings_once as
select
    window_start,
    window_end,
    run_id,
    entity_id,
    event_id,
    zone_id,
    speed_kmh,
    driver_status,
    max(leg_m) as leg_m
from
    table(
        tumble(table legs, descriptor(rowtime), interval '$window_s' second)
    )
group by window_start, window_end, run_id, entity_id, event_id, zone_id, speed_kmh, driver_status
