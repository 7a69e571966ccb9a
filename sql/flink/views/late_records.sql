-- Purpose: records that came too late for a job, onto $topic, bytes as they were.
-- Inputs: none. Output: table $table. Key: the original key. Event time, lateness: none.
-- At least once: a repeat carries the same topic, partition and offset headers.
create temporary table $table (
    kafka_key bytes,
    raw_value bytes,
    headers map<string not null, bytes> metadata
) with (
    'connector' = 'kafka',
    'topic' = '$topic',
    'properties.bootstrap.servers' = '$bootstrap_servers',
    'properties.max.request.size' = '$max_record_bytes',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '20',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'kafka_key',
    'value.format' = 'raw',
    'value.fields-include' = 'EXCEPT_KEY'
)
