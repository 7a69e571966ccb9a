-- Purpose: each ping once in its window, with its leg. Of the copies of a ping the first has the leg.
-- Inputs: legs. Output: view pings_once. Key: event_id. Event time: rowtime, kept. Lateness: see consecutive_pings.
create temporary view pings_once as
select
    window_start,
    window_end,
    run_id,
    entity_id,
    zone_id,
    speed_kmh,
    driver_status,
    leg_m
from
    table(
        tumble(table legs, descriptor(rowtime), interval '$window_s' second)
    )
where not is_copy
