-- Purpose: late trips to their topic, with where they were read. Inputs: region_judged. Output: region_late.
-- The topic comes from the record: a constant inside encode() is cut to its first byte when it is folded.
-- Key: the original key. Event time, lateness: see judged.sql.
insert into region_late
select
    kafka_key,
    raw_value,
    map[
        'topic', encode(topic, 'UTF-8'),
        'partition', encode(cast(partition_id as string), 'UTF-8'),
        'offset', encode(cast(offset_id as string), 'UTF-8')
    ] as headers
from region_judged
where is_late
