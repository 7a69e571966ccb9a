-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write rideshare.gps_aggregates. The pings of one driver, or of the drivers in one zone, in one
--   1-minute tumbling window.
-- Input: rows of contracts.live.GpsAggregate.
-- Output: Kafka topic rideshare.gps_aggregates, one JSON object per record.
-- Key: subject, subject_id, window_start_ms. At least once: a repeat has the same key, so it changes nothing
--   for a reader that keeps the newest; a transaction would hold results back until the next checkpoint.
-- Event time: in the columns that end in _ms (epoch milliseconds).
-- Lateness: decided by the job that writes.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_gps_aggregates (
    subject string,
    subject_id string,
    window_start_ms bigint,
    window_end_ms bigint,
    ping_count bigint,
    distance_m double,
    mean_speed_kmh double,
    p95_speed_kmh double,
    idle_share double,
    run_id string
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.gps_aggregates',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'json',
    'key.fields' = 'subject;subject_id;window_start_ms',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
