-- Purpose: what tells whether a driver is silent: the first and last ping of each window, and every status.
-- Each is one text: first and last time (ms), what it is, whose. Drivers are in as many groups as there are hex digits.
-- Inputs: ping_windows, ${statuses}. Output: view driver_signs. Key: (run_id, driver_group).
-- Event time: sign_time, that of the source. Lateness: more than $allowance_ms behind the newest of the partition is
-- not here.
create temporary view driver_signs as
select
    run_id,
    substring(md5(entity_id), 1, 1) as driver_group,
    concat_ws(
        '$field_end',
        cast(first_ms as string), cast(last_ms as string), 'ping', replace(entity_id, '$record_end', ' ')
    ) as sign,
    window_time as sign_time
from ping_windows
where entity_type = 'driver'
union all
select
    run_id,
    substring(md5(driver_id), 1, 1) as driver_group,
    concat_ws(
        '$field_end',
        cast(1000 * extract(epoch from event_instant) + extract(millisecond from event_instant) as string),
        cast(1000 * extract(epoch from event_instant) + extract(millisecond from event_instant) as string),
        case when status in ($zombie_statuses) then 'on_shift' else 'off_shift' end,
        replace(driver_id, '$record_end', ' ')
    ) as sign,
    rowtime as sign_time
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
