-- Purpose: one topic into its bronze table, valid or not. Inputs: raw_records. Output: lake.bronze.<domain>_<entity>.
-- Key: (topic, partition, offset), exactly once, visible at the checkpoint. Event time, lateness: none.
insert into ${target_table} /*+ options('uid-suffix' = '${uid}') */
select
    _raw_value,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp,
    _kafka_key,
    _kafka_headers,
    current_timestamp as _ingested_at,
    cast(current_timestamp as date) as _ingestion_date
from raw_records
where _kafka_topic = '${topic}'
