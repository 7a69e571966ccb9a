-- Purpose: which suspects are longer than the contracts allow. Inputs: suspect_records. Output: view sized_records.
-- Key: (topic, partition, offset). Event time, lateness: none.
-- Every byte is one character of ISO-8859-1, so the number of characters is the number of bytes.
create temporary view sized_records as
select
    _raw_value,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp,
    _kafka_key,
    _kafka_headers,
    coalesce(char_length(decode(_raw_value, 'ISO-8859-1')), 0) > ${max_record_bytes} as is_oversized
from suspect_records
