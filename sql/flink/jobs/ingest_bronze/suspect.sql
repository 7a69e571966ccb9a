-- Purpose: the records that are not surely well formed: only they are worth the way to Python. Inputs: raw_records.
-- Output: view suspect_records. Key: (topic, partition, offset). Event time, lateness: none.
-- is_plain is one search of the record's text (contracts.plain_form); read as ISO-8859-1 each byte is one character.
create temporary view suspect_records as
select
    _raw_value,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp,
    _kafka_key,
    _kafka_headers
from raw_records
where not coalesce(case _kafka_topic ${is_plain} end, false)
