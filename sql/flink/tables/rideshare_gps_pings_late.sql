-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of rideshare.gps_pings that came later than a job allows.
-- Input: rows of contracts.events.GpsPing.
-- Output: Kafka topic rideshare.gps_pings.late, one JSON object per record.
-- Key: entity_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_gps_pings_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    entity_type string,
    entity_id string,
    lat double,
    lon double,
    speed_kmh double,
    heading_deg double,
    accuracy_m double,
    seq bigint,
    trip_id string,
    driver_status string
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.gps_pings.late',
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
