-- Purpose: the pings of one entity in one tumbling window of $window_s s, as one row: state is touched once per window
-- and not once per ping, which is most of what a ping costs. Inputs: packed_pings. Output: view ping_windows.
-- Records that are no pings have one row per run and window, under an empty entity.
-- Key: (run_id, entity_type, entity_id), window. Event time: window_time. Lateness: see packed_pings.
create temporary view ping_windows as
select
    run_id,
    entity_type,
    entity_id,
    window_start,
    window_end,
    window_time,
    listagg(ping, '$record_end') as pings,
    max(ping) as last_ping,
    min(event_time_ms) as first_ms,
    max(event_time_ms) as last_ms
from table(tumble(table packed_pings, descriptor(rowtime), interval '$window_s' second))
group by window_start, window_end, window_time, run_id, entity_type, entity_id
