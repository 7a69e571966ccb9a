-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write taxi.assembled_trips. One taxi trip put together from its parts. Record of
--   `taxi.assembled_trips`.
-- Input: rows of contracts.live.AssembledTrip.
-- Output: Kafka topic taxi.assembled_trips, one JSON object per record.
-- Key: trip_id. At least once: a repeat has the same key, so it changes nothing for a reader that keeps the
--   newest; a transaction would hold results back until the next checkpoint.
-- Event time: in the columns that end in _ms (epoch milliseconds).
-- Lateness: decided by the job that writes.
-- Placeholders: bootstrap_servers.
create temporary table taxi_assembled_trips (
    trip_id string,
    run_id string,
    revision bigint,
    is_complete boolean,
    missing string,
    region_id bigint,
    started_at_ms bigint,
    ended_at_ms bigint,
    paid_at_ms bigint,
    passenger_count bigint,
    dropoff_zone_id bigint,
    distance_m double,
    duration_s double,
    fare_minor bigint,
    total_minor bigint,
    tip_minor bigint,
    currency string,
    payment_type string
) with (
    'connector' = 'kafka',
    'topic' = 'taxi.assembled_trips',
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
