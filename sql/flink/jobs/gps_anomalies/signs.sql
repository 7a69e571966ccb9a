-- Purpose: once a minute, the signs of each group of drivers as one text; and the clock of each run, for all of its
-- groups: its newest event time, stream_end left out, for it lies beyond the run.
-- Inputs: driver_signs, ping_windows. Output: view signs; a row has signs or a clock.
-- Key: (run_id, driver_group). Event time: due_ms.
-- Lateness: see driver_signs. Windows hold what one topic is ahead of the other, so that Python has it in order.
create temporary view signs as
select
    run_id,
    driver_group,
    listagg(sign, '$record_end') as signs,
    cast(null as bigint) as clock_ms,
    extract(epoch from window_end) * 1000 as due_ms
from table(tumble(table driver_signs, descriptor(sign_time), interval '60' second))
group by window_start, window_end, run_id, driver_group
union all
select
    run_id,
    cast(null as string) as driver_group,
    cast(null as string) as signs,
    max(last_ms) as clock_ms,
    extract(epoch from window_end) * 1000 as due_ms
from table(tumble(table ping_windows, descriptor(window_time), interval '60' second))
group by window_start, window_end, run_id
