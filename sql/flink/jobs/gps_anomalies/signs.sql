-- Purpose: what a silence is measured by, once a minute: a driver's first and last ping ('ping'), the clock of a run
-- ('clock': its newest event time, stream_end left out, for it lies beyond the run); and every status ('status').
-- Inputs: valid_pings, clocks, ${statuses}. Output: view signs. Key: (run_id, driver_id). Event time: in columns.
-- Lateness: what is more than $allowance_ms behind the newest of its partition is not here.
create temporary view signs as
select
    'ping' as kind,
    run_id,
    entity_id as driver_id,
    min(1000 * extract(epoch from event_instant) + extract(millisecond from event_instant)) as first_ms,
    max(1000 * extract(epoch from event_instant) + extract(millisecond from event_instant)) as last_ms,
    cast(null as boolean) as is_on_shift,
    extract(epoch from window_end) * 1000 as due_ms
from table(tumble(table valid_pings, descriptor(rowtime), interval '60' second))
where entity_type = 'driver' and rowtime >= high - interval '0.001' second * $allowance_ms
group by window_start, window_end, run_id, entity_id
union all
select
    'clock' as kind,
    run_id,
    '' as driver_id,
    max(1000 * extract(epoch from event_instant) + extract(millisecond from event_instant)) as first_ms,
    max(1000 * extract(epoch from event_instant) + extract(millisecond from event_instant)) as last_ms,
    cast(null as boolean) as is_on_shift,
    extract(epoch from window_end) * 1000 as due_ms
from table(tumble(table clocks, descriptor(rowtime), interval '60' second))
group by window_start, window_end, run_id
union all
select
    'status' as kind,
    run_id,
    driver_id,
    1000 * extract(epoch from event_instant) + extract(millisecond from event_instant) as first_ms,
    1000 * extract(epoch from event_instant) + extract(millisecond from event_instant) as last_ms,
    status in ($zombie_statuses) as is_on_shift,
    cast(0 as bigint) as due_ms
from ${statuses}
where
    event_type = 'driver_status_changed'
    and schema_version = ${schema_version}
    and rowtime > to_timestamp_ltz(0, 3)
    and rowtime >= high - interval '0.001' second * $allowance_ms
    and event_id <> ''
    and run_id <> ''
    and driver_id <> ''
    and status in ($driver_statuses)
