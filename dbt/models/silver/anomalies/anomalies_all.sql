{{ config(materialized='table') }}

select
    'outlier' as kind,
    reason,
    severity,
    run_id,
    entity_type,
    entity_id,
    event_id,
    event_time as raised_at,
    cast(null as timestamp with time zone) as cleared_at,
    lat,
    lon,
    cast(null as double) as speed_kmh
from {{ ref('anomalies_gps_outliers') }}
union all
select
    'impossible_speed' as kind,
    reason,
    severity,
    run_id,
    entity_type,
    entity_id,
    event_id,
    event_time as raised_at,
    cast(null as timestamp with time zone) as cleared_at,
    lat,
    lon,
    speed_kmh
from {{ ref('anomalies_impossible_speeds') }}
union all
select
    'zombie_driver' as kind,
    reason,
    severity,
    run_id,
    'driver' as entity_type,
    driver_id as entity_id,
    cast(null as varchar) as event_id,
    raised_at,
    cleared_at,
    cast(null as double) as lat,
    cast(null as double) as lon,
    cast(null as double) as speed_kmh
from {{ ref('anomalies_zombie_drivers') }}
