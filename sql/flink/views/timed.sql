-- Purpose: each record with the newest event time of its partition so far. Late or not is a question to the log, not to
-- the clock of a running job, and has the same answer after a recovery.
-- Inputs: ${source}_retained.
-- Output: view ${source}_timed, control records and malformed ones included: they move `high`.
-- Key: (partition, offset). Event time: rowtime, kept. Lateness: judged by whoever reads `high`.
-- State: one instant per partition, never expires.
create temporary view ${source}_timed as
select
    *, -- noqa: AM04
    max(event_instant) over (
        partition by kafka_partition
        order by read_at
        rows between unbounded preceding and current row
    ) as high
from (
    select *, cast(rowtime as timestamp_ltz(3)) as event_instant, proctime() as read_at
    from ${source}_retained
)
