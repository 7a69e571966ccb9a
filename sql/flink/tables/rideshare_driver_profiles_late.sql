-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write the records of rideshare.driver_profiles that came later than a job allows.
-- Input: rows of contracts.events.DriverProfile.
-- Output: Kafka topic rideshare.driver_profiles.late, one JSON object per record.
-- Key: driver_id. At least once: event_id identifies a repeat.
-- Event time: event_time.
-- Lateness: every row is late.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_driver_profiles_late (
    event_id string,
    event_type string,
    schema_version bigint,
    event_time timestamp_ltz(3),
    run_id string,
    correlation_id string,
    causation_id string,
    driver_id string,
    display_name string,
    vehicle_class string,
    home_zone_id bigint,
    dna row <
        acceptance_ratio double,
        speed_factor double,
        shift_start_hour bigint,
        shift_hours double,
        service_quality double,
        repositioning_ratio double,
        gps_noise_m double,
        rating_leniency double
    >
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.driver_profiles.late',
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
