-- Purpose: the pings of each window, and the last one of the entity before it, however long ago.
-- Inputs: ping_windows. Output: view linked_windows. Key: (run_id, entity_type, entity_id), window.
-- Event time: window_time. Lateness: see packed_pings.
-- State: one ping per entity of a run, for as long as the state's time to live.
create temporary view linked_windows as
select
    *, -- noqa: AM04
    lag(last_ping) over (partition by run_id, entity_type, entity_id order by window_time) as ping_before
from ping_windows
where entity_id <> ''
