-- Purpose: late parts to their topic, with where they were read. Inputs: view assembly_late.
-- Output: assembly_late_records. Key: the original key. Event time, lateness: none.
insert into assembly_late_records
select
    kafka_key,
    raw_value,
    map[
        'topic', encode(topic, 'UTF-8'),
        'partition', encode(cast(partition_id as string), 'UTF-8'),
        'offset', encode(cast(offset_id as string), 'UTF-8')
    ] as headers
from assembly_late
