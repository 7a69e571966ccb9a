-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of rideshare.surge_updates that came later than a job allows.
-- Input: rows of contracts.events.SurgeUpdate.
-- Output: Kafka topic rideshare.surge_updates.late, one JSON object per record.
-- Key: zone_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_surge_updates_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    zone_id bigint,
    previous_multiplier double,
    multiplier double,
    open_requests bigint,
    idle_drivers bigint
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.surge_updates.late',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'json',
    'key.fields' = 'zone_id',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
