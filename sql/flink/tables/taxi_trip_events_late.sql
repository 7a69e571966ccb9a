-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of taxi.trip_events that came later than a job allows.
-- Input: rows of contracts.events.TaxiTripEvent.
-- Output: Kafka topic taxi.trip_events.late, one JSON object per record.
-- Key: trip_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table taxi_trip_events_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    trip_id string,
    region_id bigint,
    passenger_count bigint,
    dropoff_zone_id bigint,
    distance_m double,
    duration_s double,
    fare_minor bigint,
    currency string,
    total_minor bigint,
    tip_minor bigint,
    payment_type string
) with (
    'connector' = 'kafka',
    'topic' = 'taxi.trip_events.late',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'trip_id',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
