{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='trip_id',
) }}

-- A trip whose newest event lies above the offsets already seen is computed anew from all its events, so late and
-- out-of-order events land where event time puts them. Every event of a trip has its trip as key: one partition.
with seen as (
    {% if is_incremental() %}
    select
        _kafka_partition,
        max(_last_kafka_offset) as highest_offset
    from {{ this }}
    group by _kafka_partition
    {% else %}
    select
        cast(null as integer) as _kafka_partition,
        cast(null as bigint) as highest_offset
    where false
    {% endif %}
),

changed as (
    select distinct events.trip_id
    from {{ ref('stg_trips') }} as events
    left join seen on events._kafka_partition = seen._kafka_partition
    where events._kafka_offset > coalesce(seen.highest_offset, -1)
),

events as (
    select *
    from {{ ref('stg_trips') }}
    where trip_id in (select changed.trip_id from changed)
),

trips as (
    select
        trip_id,
        max_by(run_id, event_time) as run_id,
        max_by(state, event_time) as state,
        max_by(rider_id, event_time) as rider_id,
        max_by(driver_id, event_time) filter (
            where state in ('MATCHED', 'DRIVER_EN_ROUTE', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED')
        ) as driver_id,
        max_by(pickup_zone_id, event_time) as pickup_zone_id,
        max_by(dropoff_zone_id, event_time) as dropoff_zone_id,
        min(event_time) as first_event_at,
        min(event_time) filter (where state = 'REQUESTED') as requested_at,
        min(event_time) filter (where state = 'OFFER_SENT') as first_offer_at,
        min(event_time) filter (where state = 'MATCHED') as matched_at,
        min(event_time) filter (where state = 'DRIVER_EN_ROUTE') as driver_en_route_at,
        min(event_time) filter (where state = 'DRIVER_ARRIVED') as driver_arrived_at,
        min(event_time) filter (where state = 'STARTED') as started_at,
        min(event_time) filter (where state = 'COMPLETED') as completed_at,
        min(event_time) filter (where state = 'CANCELLED') as cancelled_at,
        count_if(state = 'OFFER_SENT') as offer_count,
        max_by(surge_multiplier, event_time) as surge_multiplier,
        max_by(currency, event_time) as currency,
        max_by(fare_minor, event_time) filter (where state = 'COMPLETED') as fare_minor,
        max_by(distance_m, event_time) filter (where distance_m is not null) as distance_m,
        max_by(duration_s, event_time) filter (where duration_s is not null) as duration_s,
        max_by(cancelled_by, event_time) as cancelled_by,
        max_by(cancel_reason, event_time) as cancel_reason,
        max_by(_kafka_partition, _kafka_offset) as _kafka_partition,
        max(_kafka_offset) as _last_kafka_offset
    from events
    group by trip_id
)

select
    trip_id,
    run_id,
    state,
    state in ('COMPLETED', 'CANCELLED') as is_final,
    rider_id,
    driver_id,
    pickup_zone_id,
    dropoff_zone_id,
    date_trunc('hour', coalesce(requested_at, first_event_at)) as requested_hour,
    {{ minute_of_day('coalesce(requested_at, first_event_at)') }} as requested_minute_of_day,
    requested_at,
    first_offer_at,
    matched_at,
    driver_en_route_at,
    driver_arrived_at,
    started_at,
    completed_at,
    cancelled_at,
    offer_count,
    surge_multiplier,
    currency,
    fare_minor,
    distance_m,
    duration_s,
    cancelled_by,
    cancel_reason,
    _kafka_partition,
    _last_kafka_offset
from trips
