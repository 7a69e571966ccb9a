-- Purpose: the records of all pings' partitions that say that a run goes on. Inputs: ${pings}. Output: view clocks.
-- Key: run_id. Event time: rowtime, kept. Lateness: what is more than $allowance_ms behind is not here.
create temporary view clocks as
select
    run_id,
    rowtime,
    event_instant
from ${pings}
where
    event_type in ('gps_ping', 'stream_heartbeat')
    and rowtime > to_timestamp_ltz(0, 3)
    and rowtime >= high - interval '0.001' second * $allowance_ms
