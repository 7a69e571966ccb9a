-- Purpose: the trips of an interval out of Bronze, with the columns that the running job has from its topic.
-- Inputs: $source. Output: view region_records; trip is null for control records and malformed ones.
-- Key: (partition, offset). Event time: rowtime, from $from_ms up to before $to_ms.
-- Lateness: none. high, which decides in the running job, is the beginning of time: nothing is late.
create temporary view region_records as
select
    raw_value,
    kafka_key,
    topic,
    partition_id,
    offset_id,
    rowtime,
    to_timestamp_ltz(0, 3) as high,
    taxi_trip(raw_value) as trip
from (
    select
        _raw_value as raw_value,
        _kafka_key as kafka_key,
        _kafka_topic as topic,
        _kafka_partition as partition_id,
        _kafka_offset as offset_id,
        cast(
            try_cast(
                replace(replace(json_value(decode(_raw_value, 'UTF-8'), '$$.event_time'), 'T', ' '), 'Z', '')
                as timestamp(3)
            ) as timestamp_ltz(3)
        ) as rowtime
    from $source
)
where rowtime >= to_timestamp_ltz($from_ms, 3) and rowtime < to_timestamp_ltz($to_ms, 3)
