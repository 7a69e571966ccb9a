-- Purpose: the malformed records of one topic into its DLQ table. Inputs: judged_records, sized_records.
-- Output: lake.bronze.dlq_<domain>_<entity>. Key: (topic, partition, offset), exactly once, visible at the checkpoint.
-- Event time, lateness: none. error_type is the reason before its colon.
-- The topic is filtered in each branch: what passes the union goes to one table only, not a copy to each.
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
    cast(current_timestamp as date) as _ingestion_date,
    split_index(reason, ':', 0) as error_type,
    reason as error_message
from (
    select
        _raw_value,
        _kafka_topic,
        _kafka_partition,
        _kafka_offset,
        _kafka_timestamp,
        _kafka_key,
        _kafka_headers,
        reason
    from judged_records
    where reason is not null and _kafka_topic = '${topic}'
    union all
    select
        _raw_value,
        _kafka_topic,
        _kafka_partition,
        _kafka_offset,
        _kafka_timestamp,
        _kafka_key,
        _kafka_headers,
        '${oversized}' as reason
    from sized_records
    where is_oversized and _kafka_topic = '${topic}'
) as rejected_records
