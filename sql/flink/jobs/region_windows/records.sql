-- Purpose: well-formed trips with the newest event time of their partition so far. Late or not is a question to the
-- log, not to the clock of a running job, and has the same answer after a recovery.
-- Inputs: region_source. Output: view region_records; trip is null for control records and malformed ones.
-- Key: (partition, offset). Event time: rowtime, kept. State: one instant per partition, never expires.
create temporary view region_records as
select
    raw_value,
    kafka_key,
    topic,
    partition_id,
    offset_id,
    rowtime,
    high,
    taxi_trip(raw_value) as trip
from (
    select
        raw_value,
        kafka_key,
        topic,
        partition_id,
        offset_id,
        rowtime,
        max(event_instant) over (
            partition by partition_id
            order by read_at
            rows between unbounded preceding and current row
        ) as high
    from (
        select *, cast(rowtime as timestamp_ltz(3)) as event_instant, proctime() as read_at from region_source
    )
)
