-- Purpose: the pings that Python has to look at: suspect ones, those after a suspect one, and all of them for
-- $horizon_ms (ms) after a jump or a standstill. Whatever is not here follows an accepted ping and is accepted itself:
-- flink_jobs.logic.gps_track says the rule, this view spares it the rest (of a city's pings nine in ten and more).
-- A jump: faster than $speed_limit_kmh, a little less than the rule's. A standstill: the same point in a moving status.
-- Inputs: movements. Output: view candidates, by event time per entity. Key: (run_id, entity_id).
-- Event time: in event_time_ms. Lateness: see consecutive_pings. State: one instant per entity of a run.
-- Ordered by arrival, which is by event time here: nothing has to be sorted a second time.
create temporary view candidates as
select
    run_id,
    entity_id,
    entity_type,
    event_id,
    event_time_ms,
    lat,
    lon,
    accuracy_m,
    driver_status,
    is_first,
    previous_event_time_ms,
    previous_lat,
    previous_lon
from (
    select
        *,
        max(alert_ms) over (
            partition by run_id, entity_id
            order by seen_at
            rows between unbounded preceding and current row
        ) as last_alert_ms
    from (
        select
            *,
            proctime() as seen_at,
            case
                when
                    distance_m * 3600.0 > $speed_limit_kmh * elapsed_ms
                    or (elapsed_ms > 0 and distance_m = 0.0 and driver_status in ($moving_statuses))
                    then event_time_ms
            end as alert_ms
        from movements
    )
)
where
    is_suspect = 1
    or previous_is_suspect = 1
    or event_time_ms - last_alert_ms <= $horizon_ms
