-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write rideshare.anomalies. One thing wrong with the positions of an entity. Record of
--   `rideshare.anomalies`.
-- Input: rows of contracts.live.Anomaly.
-- Output: Kafka topic rideshare.anomalies, one JSON object per record.
-- Key: anomaly_id. At least once: a repeat has the same key, so it changes nothing for a reader that keeps
--   the newest; a transaction would hold results back until the next checkpoint.
-- Event time: in the columns that end in _ms (epoch milliseconds).
-- Lateness: decided by the job that writes.
-- Placeholders: bootstrap_servers.
create temporary table rideshare_anomalies (
    anomaly_id string,
    kind string,
    phase string,
    severity string,
    rule_version bigint,
    reason string,
    entity_id string,
    entity_type string,
    event_time_ms bigint,
    run_id string,
    event_id string,
    lat double,
    lon double,
    accuracy_m double,
    previous_event_time_ms bigint,
    previous_lat double,
    previous_lon double,
    distance_m double,
    speed_kmh double,
    lasted_ms bigint
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.anomalies',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'anomaly_id',
    'value.format' = 'json',
    'value.json.timestamp-format.standard' = 'ISO-8601',
    'value.fields-include' = 'ALL'
);
