-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of rideshare.driver_status that came later than a job allows.
-- Input: rows of contracts.events.DriverStatusEvent.
-- Output: Kafka topic rideshare.driver_status.late, one JSON object per record.
-- Key: driver_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_driver_status_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    driver_id string,
    previous_status string,
    status string,
    lat double,
    lon double,
    zone_id bigint
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.driver_status.late',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'driver_id',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
