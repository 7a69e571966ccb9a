-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: read rideshare.ratings. Stars that one side of a completed trip gives the other.
-- Input: Kafka topic rideshare.ratings, one JSON object per record.
-- Output: table rideshare_ratings. Control records (stream_heartbeat, stream_end) and malformed records are
--   rows too, with NULL where a field is missing or unreadable: filter on event_type and on the fields you
--   use.
-- Key: trip_id.
-- Event time: rowtime = event_time, or epoch 0 where event_time is NULL, unreadable or outside the domain's
--   range 2020-01-01T00:00:00.000Z to 2039-12-31T23:59:59.999Z, or where the envelope is not that of an event
--   or a control record of this release. A NULL would stop the job, a far one would make all others late;
--   epoch 0 never moves the watermark.
-- Lateness: watermark = newest rowtime of the partition - watermark_delay_ms.
-- Placeholders: bootstrap_servers, group_id, scan_startup_mode, scan_bounded_mode, watermark_delay_ms.
create temporary table rideshare_ratings (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    trip_id string,
    rater string,
    rater_id string,
    ratee string,
    ratee_id string,
    stars bigint,
    kafka_partition int metadata from 'partition' virtual,
    kafka_offset bigint metadata from 'offset' virtual,
    kafka_timestamp timestamp_ltz(3) metadata from 'timestamp' virtual,
    rowtime as case
        when
            schema_version = 1
            and event_type in ('trip_rated', 'stream_end', 'stream_heartbeat')
            and event_id <> ''
            and run_id <> ''
            and event_time between to_timestamp_ltz(1577836800000, 3) and to_timestamp_ltz(2208988799999, 3)
            then event_time
        else to_timestamp_ltz(0, 3)
    end,
    watermark for rowtime as rowtime - interval '0.001' second * ${watermark_delay_ms}
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.ratings',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.group.id' = '${group_id}',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = '${scan_startup_mode}',
    'scan.bounded.mode' = '${scan_bounded_mode}',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true',
    'json.timestamp-format.standard' = 'ISO-8601'
);
