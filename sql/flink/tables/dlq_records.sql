-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: write malformed records to the DLQ topic of their input topic.
-- Input: the original bytes of malformed records.
-- Output: the topic named by the column topic, with the headers topic, partition, offset, reason,
--   detected_at.
-- Key: the original record key, NULL where there was none. At least once: the headers topic, partition and
--   offset identify a repeat.
-- Event time: none.
-- Lateness: none.
-- Placeholders: bootstrap_servers.
-- noqa: disable=LT05
create temporary table dlq_records (
    _raw_value bytes,
    _kafka_key bytes,
    topic string metadata from 'topic',
    headers map <string, bytes> metadata from 'headers'
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.trips.dlq;rideshare.gps_pings.dlq;rideshare.driver_status.dlq;rideshare.surge_updates.dlq;rideshare.ratings.dlq;rideshare.payments.dlq;rideshare.driver_profiles.dlq;rideshare.rider_profiles.dlq;taxi.trips.dlq;taxi.trip_events.dlq',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '5',
    'properties.batch.size' = '131072',
    'properties.max.request.size' = '16777216',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = '_kafka_key',
    'value.format' = 'raw',
    'value.fields-include' = 'EXCEPT_KEY'
);
