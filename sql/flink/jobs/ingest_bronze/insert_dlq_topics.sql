-- Purpose: the malformed records of all topics on their DLQ topics. Inputs: judged_records, sized_records.
-- Output: dlq_records. Key: the original key. Event time, lateness: none.
-- Headers: those of the record and the five of the DLQ.
-- At least once: a repeat after a recovery carries the same topic, partition and offset headers, and the DLQ tables
-- hold each record exactly once. A transaction would hide the records from readers for a whole checkpoint.
insert into dlq_records
select
    _raw_value,
    _kafka_key,
    _kafka_topic || '${suffix}' as topic,
    map_union(
        _kafka_headers,
        map [
            'topic', encode(_kafka_topic, 'UTF-8'),
            'partition', encode(cast(_kafka_partition as string), 'UTF-8'),
            'offset', encode(cast(_kafka_offset as string), 'UTF-8'),
            'reason', encode(reason, 'UTF-8'),
            'detected_at',
            encode(date_format(current_timestamp, 'yyyy-MM-dd''T''HH:mm:ss.SSS''Z'''), 'UTF-8')
        ]
    ) as headers
from (
    select
        _raw_value,
        _kafka_key,
        _kafka_topic,
        _kafka_partition,
        _kafka_offset,
        _kafka_headers,
        reason
    from judged_records
    where reason is not null
    union all
    select
        _raw_value,
        _kafka_key,
        _kafka_topic,
        _kafka_partition,
        _kafka_offset,
        _kafka_headers,
        '${oversized}' as reason
    from sized_records
    where is_oversized
) as rejected_records
