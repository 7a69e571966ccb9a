-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write taxi.region_windows. One region and one 1-minute tumbling window of taxi trips. Record of
--   `taxi.region_windows`.
-- Input: rows of contracts.live.RegionWindow.
-- Output: Kafka topic taxi.region_windows, one JSON object per record.
-- Key: region_id, window_start_ms. At least once: a repeat has the same key, so it changes nothing for a
--   reader that keeps the newest; a transaction would hold results back until the next checkpoint.
-- Event time: in the columns that end in _ms (epoch milliseconds).
-- Lateness: decided by the job that writes.
-- Placeholders: bootstrap_servers.
create temporary table taxi_region_windows (
    region_id bigint,
    window_start_ms bigint,
    window_end_ms bigint,
    trip_count bigint,
    average_fare_minor double,
    total_distance_m double,
    average_duration_s double,
    p50_duration_s double,
    p95_duration_s double,
    currency string,
    is_final boolean,
    p99_duration_s double
) with (
    'connector' = 'kafka',
    'topic' = 'taxi.region_windows',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'json',
    'key.fields' = 'region_id;window_start_ms',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
