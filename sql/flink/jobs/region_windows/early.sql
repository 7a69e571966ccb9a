-- Purpose: early results onto $topic, beside the final ones. A table of its own, as it takes updates.
-- Inputs: rows of contracts.live.RegionWindow. Output: table region_early. Key: region and window start.
-- Event time, lateness: none. At least once: a repeat has the same key.
create temporary table region_early (
    region_id bigint,
    window_start_ms bigint,
    window_end_ms bigint,
    trip_count bigint,
    average_fare_minor double,
    total_distance_m double,
    average_duration_s double,
    p50_duration_s double,
    p95_duration_s double,
    currency string,
    is_final boolean,
    p99_duration_s double,
    primary key (region_id, window_start_ms) not enforced
) with (
    'connector' = 'upsert-kafka',
    'topic' = '$topic',
    'properties.bootstrap.servers' = '$bootstrap_servers',
    'properties.compression.type' = 'lz4',
    'properties.linger.ms' = '20',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'json',
    'value.format' = 'json'
)
