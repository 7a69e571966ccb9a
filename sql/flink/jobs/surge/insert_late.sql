-- Purpose: late records to their topic, with where they were read. Inputs: surge_late. Output: surge_late_records.
-- Key: the original key. Event time, lateness: none.
insert into surge_late_records
select
    kafka_key,
    raw_value,
    source_topic || '$suffix' as late_topic,
    map[
        'topic', encode(source_topic, 'UTF-8'),
        'partition', encode(cast(source_partition as string), 'UTF-8'),
        'offset', encode(cast(source_offset as string), 'UTF-8')
    ] as headers
from surge_late
