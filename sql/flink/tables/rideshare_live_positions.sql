-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write rideshare.live_positions. The newest position of one driver or rider. Record of
--   `rideshare.live_positions`.
-- Input: rows of contracts.live.Position.
-- Output: Kafka topic rideshare.live_positions, one JSON object per record.
-- Key: entity_id. At least once: a repeat has the same key, so it changes nothing for a reader that keeps the
--   newest; a transaction would hold results back until the next checkpoint.
-- Event time: in the columns that end in _ms (epoch milliseconds).
-- Lateness: decided by the job that writes.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_live_positions (
    entity_id string,
    entity_type string,
    lat double,
    lon double,
    speed_kmh double,
    heading_deg double,
    driver_status string,
    trip_id string,
    seq bigint,
    event_time_ms bigint,
    event_id string,
    run_id string
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.live_positions',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'entity_id',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
