-- Purpose: events byte for byte, with a watermark per partition of every topic.
-- Inputs: $topic. Output: table $table. Key: the record's key.
-- Event time: rowtime = event_time of what looks like an event or a control record of this release (the envelope is
-- there, the time lies within the domain's range), else epoch 0: nothing else may move a watermark.
-- Lateness: $watermark_delay_ms behind the newest rowtime of each partition; the least advanced partition decides.
-- Read from the start ($start_wall_ms: Kafka timestamp, 0 = all that is retained): what is given out again is the same.
create temporary table $table (
    kafka_key bytes,
    raw_value bytes,
    topic string not null metadata from 'topic' virtual,
    partition_id int not null metadata from 'partition' virtual,
    offset_id bigint not null metadata from 'offset' virtual,
    rowtime as coalesce(
        case
            when json_value(decode(raw_value, 'UTF-8'), '$$.schema_version') = '$schema_version'
                and json_value(decode(raw_value, 'UTF-8'), '$$.event_type') in ($event_types)
                and json_value(decode(raw_value, 'UTF-8'), '$$.event_id') <> ''
                and json_value(decode(raw_value, 'UTF-8'), '$$.run_id') <> ''
                and json_value(decode(raw_value, 'UTF-8'), '$$.event_time') like '____-__-__T__:__:__%Z'
                and try_cast(
                    replace(replace(json_value(decode(raw_value, 'UTF-8'), '$$.event_time'), 'T', ' '), 'Z', '')
                    as timestamp(3)
                ) between timestamp '$earliest' and timestamp '$latest'
                then cast(
                    try_cast(
                        replace(replace(json_value(decode(raw_value, 'UTF-8'), '$$.event_time'), 'T', ' '), 'Z', '')
                        as timestamp(3)
                    ) as timestamp_ltz(3)
                )
        end,
        to_timestamp_ltz(0, 3)
    ),
    watermark for rowtime as rowtime - interval '0.001' second * $watermark_delay_ms
) with (
    'connector' = 'kafka',
    'topic' = '$topic',
    'properties.bootstrap.servers' = '$bootstrap_servers',
    'properties.group.id' = '$group_id',
    'properties.max.partition.fetch.bytes' = '$max_record_bytes',
    'scan.startup.mode' = 'timestamp',
    'scan.startup.timestamp-millis' = '$start_wall_ms',
    'scan.bounded.mode' = '$bound',
    'key.format' = 'raw',
    'key.fields' = 'kafka_key',
    'value.format' = 'raw',
    'value.fields-include' = 'EXCEPT_KEY'
)
