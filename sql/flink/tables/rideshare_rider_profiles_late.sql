-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of rideshare.rider_profiles that came later than a job allows.
-- Input: rows of contracts.events.RiderProfile.
-- Output: Kafka topic rideshare.rider_profiles.late, one JSON object per record.
-- Key: rider_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_rider_profiles_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    rider_id string,
    display_name string,
    dna row <
        patience_s double,
        surge_tolerance double,
        cancel_ratio double,
        payment_method string,
        home_zone_id bigint,
        work_zone_id bigint,
        rating_leniency double
    >
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.rider_profiles.late',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'rider_id',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
