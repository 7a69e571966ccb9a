-- Purpose: the verdict on every suspect of allowed length: why it is malformed, null where it is well formed.
-- Inputs: sized_records. Output: view judged_records. Key: (topic, partition, offset). Event time, lateness: none.
-- Oversized records never go to Python: its operator holds a bundle of records in the heap.
create temporary view judged_records as
select
    _raw_value,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp,
    _kafka_key,
    _kafka_headers,
    rejection(_kafka_topic, _raw_value) as reason
from sized_records
where not is_oversized
