{{ config(materialized='table') }}

with pings as (
    select *
    from {{ ref('stg_gps_pings') }}
    where accuracy_m <= {{ contract_rules()['outlier_accuracy_m'] }} and is_in_area
),

rejected as (
    {{ impossible_moves('pings') }}
),

measured as (
    select
        *,
        date_diff('millisecond', accepted_at, event_time) as elapsed_ms,
        {{ great_circle_m('accepted_lat', 'accepted_lon', 'lat', 'lon') }} as distance_m
    from rejected
)

select
    event_id,
    event_time,
    run_id,
    entity_type,
    entity_id,
    case when elapsed_ms = 0 then 'two_places_at_once' else 'too_fast' end as reason,
    '{{ contract_rules()["severities"]["impossible_speed"] }}' as severity,
    lat,
    lon,
    accepted_at,
    accepted_lat,
    accepted_lon,
    round(distance_m, 3) as distance_m,
    round(distance_m * 3600.0 / nullif(elapsed_ms, 0), 3) as speed_kmh
from measured
