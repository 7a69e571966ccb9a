-- Purpose: the windows that Python has to look at ping by ping: those with a sign that something is wrong, and all of
-- an entity for $horizon_ms (ms) after a jump or a standstill. Whatever is not here is accepted:
-- flink_jobs.logic.gps_track says the rule, this view spares it the rest (of a city's windows nine in ten and more).
-- Inputs: linked_windows. Output: view candidates, by event time per entity. Key: (run_id, entity_id), window.
-- A sign for one window only is 0, which is farther than $horizon_ms from any ping.
-- Event time: in the pings. Lateness: see packed_pings. State: one instant per entity of a run.
-- Ordered by arrival, which is by event time here: nothing has to be sorted a second time.
create temporary view candidates as
select
    run_id,
    entity_id,
    entity_type,
    pings,
    ping_before
from (
    select
        *,
        max(sign_ms) over (
            partition by run_id, entity_type, entity_id
            order by seen_at
            rows between unbounded preceding and current row
        ) as last_sign_ms
    from (
        select
            *,
            proctime() as seen_at,
            sign_ms_of(pings, ping_before) as sign_ms
        from linked_windows
    )
)
where sign_ms is not null or first_ms - last_sign_ms <= $horizon_ms
