-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of taxi.trips that came later than a job allows.
-- Input: rows of contracts.events.TaxiTrip.
-- Output: Kafka topic taxi.trips.late, one JSON object per record.
-- Key: region_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table taxi_trips_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    trip_id string,
    region_id bigint,
    duration_s double,
    distance_m double,
    fare_minor bigint,
    currency string,
    total_minor bigint,
    tip_minor bigint,
    payment_type string,
    pickup_zone_id bigint,
    dropoff_zone_id bigint,
    passenger_count bigint,
    flags array <string>
) with (
    'connector' = 'kafka',
    'topic' = 'taxi.trips.late',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'json',
    'key.fields' = 'region_id',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
