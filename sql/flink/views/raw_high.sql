-- Purpose: each record with the newest event time of its partition so far: late or not is a question to the log, not to
-- the clock of a running job, and has the same answer after a recovery.
-- Inputs: $source. Output: view $view. Key: (topic, partition, offset).
-- Event time: rowtime, kept. Lateness: none here. State: one instant per partition, never expires.
create temporary view $view as
select
    raw_value,
    kafka_key,
    topic,
    partition_id,
    offset_id,
    rowtime,
    max(event_instant) over (
        partition by topic, partition_id
        order by read_at
        rows between unbounded preceding and current row
    ) as high
from (
    select *, cast(rowtime as timestamp_ltz(3)) as event_instant, proctime() as read_at from $source
)
