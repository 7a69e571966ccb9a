-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write rideshare.zone_metrics. One zone at the end of one window.
-- Input: rows of contracts.live.ZoneMetrics.
-- Output: Kafka topic rideshare.zone_metrics, one JSON object per record.
-- Key: zone_id, window_end_ms. At least once: a repeat has the same key, so it changes nothing for a reader
--   that keeps the newest; a transaction would hold results back until the next checkpoint.
-- Event time: in the columns that end in _ms (epoch milliseconds).
-- Lateness: decided by the job that writes.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_zone_metrics (
    zone_id bigint,
    window_start_ms bigint,
    window_end_ms bigint,
    open_requests bigint,
    idle_drivers bigint,
    ratio double,
    smoothed_ratio double,
    multiplier double,
    late_records bigint,
    run_id string,
    acceptance double,
    mean_pickup_eta_s double
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.zone_metrics',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'json',
    'key.fields' = 'zone_id;window_end_ms',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
