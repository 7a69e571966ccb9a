-- Rendered from contracts by `make contracts`; do not edit.
-- Purpose: read every input topic of every domain byte for byte.
-- Input: all input topics, any content, tombstones included.
-- Output: table raw_records, columns named as in the Bronze tables.
-- Key: the record key as bytes, NULL where there is none.
-- Event time: none; this table has no watermark.
-- Lateness: none.
-- Placeholders: bootstrap_servers, group_id, scan_startup_mode, scan_bounded_mode.
-- noqa: disable=LT05
create temporary table raw_records (
    _raw_value bytes,
    _kafka_key bytes,
    _kafka_topic string metadata from 'topic' virtual,
    _kafka_partition int metadata from 'partition' virtual,
    _kafka_offset bigint metadata from 'offset' virtual,
    _kafka_timestamp timestamp_ltz(3) metadata from 'timestamp' virtual,
    _kafka_headers map <string, bytes> metadata from 'headers' virtual
) with (
    'connector' = 'kafka',
    'topic' = 'rideshare.trips;rideshare.gps_pings;rideshare.driver_status;rideshare.surge_updates;rideshare.ratings;rideshare.payments;rideshare.driver_profiles;rideshare.rider_profiles;taxi.trips;taxi.trip_events',
    'properties.bootstrap.servers' = '${bootstrap_servers}',
    'properties.group.id' = '${group_id}',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = '${scan_startup_mode}',
    'scan.bounded.mode' = '${scan_bounded_mode}',
    'key.format' = 'raw',
    'key.fields' = '_kafka_key',
    'value.format' = 'raw',
    'value.fields-include' = 'EXCEPT_KEY'
);
