-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of rideshare.trips that came later than a job allows.
-- Input: rows of contracts.events.TripEvent.
-- Output: Kafka topic rideshare.trips.late, one JSON object per record.
-- Key: trip_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_trips_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    trip_id string,
    `state` string,
    previous_state string,
    rider_id string,
    driver_id string,
    pickup row <lat double, lon double, zone_id bigint, h3 string>,
    dropoff row <lat double, lon double, zone_id bigint, h3 string>,
    offer_sequence bigint,
    surge_multiplier double,
    currency string,
    fare_minor bigint,
    distance_m double,
    duration_s double,
    pickup_eta_s double,
    cancelled_by string,
    cancel_reason string
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.trips.late',
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
