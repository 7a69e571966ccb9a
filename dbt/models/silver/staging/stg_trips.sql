{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

with unread as (
    select *
    from {{ source('bronze', 'rideshare_trips') }}
    where {{ unread_records('rideshare.trips') }}
),

records as (
    {{ read_records('rideshare.trips', 'unread') }}
),

events as (
    select
        {{ text_field('event_id') }} as event_id,
        event_time,
        {{ text_field('run_id') }} as run_id,
        {{ text_field('causation_id') }} as causation_id,
        {{ text_field('trip_id') }} as trip_id,
        {{ text_field('state') }} as state,
        {{ text_field('previous_state') }} as previous_state,
        {{ text_field('rider_id') }} as rider_id,
        {{ text_field('driver_id') }} as driver_id,
        {{ number_field('pickup_lat') }} as pickup_lat,
        {{ number_field('pickup_lon') }} as pickup_lon,
        {{ integer_field('pickup_zone_id') }} as pickup_zone_id,
        {{ text_field('pickup_h3') }} as pickup_h3,
        {{ number_field('dropoff_lat') }} as dropoff_lat,
        {{ number_field('dropoff_lon') }} as dropoff_lon,
        {{ integer_field('dropoff_zone_id') }} as dropoff_zone_id,
        {{ text_field('dropoff_h3') }} as dropoff_h3,
        {{ integer_field('offer_sequence') }} as offer_sequence,
        {{ number_field('surge_multiplier') }} as surge_multiplier,
        {{ text_field('currency') }} as currency,
        {{ integer_field('fare_minor') }} as fare_minor,
        {{ number_field('distance_m') }} as distance_m,
        {{ number_field('duration_s') }} as duration_s,
        {{ number_field('pickup_eta_s') }} as pickup_eta_s,
        {{ text_field('cancelled_by') }} as cancelled_by,
        {{ text_field('cancel_reason') }} as cancel_reason,
        _kafka_partition,
        _kafka_offset
    from records
    where {{ is_event('rideshare.trips') }}
),

numbered as (
    select
        *,
        row_number() over (partition by event_id order by _kafka_partition, _kafka_offset) as copy_number
    from events
)

select
    event_id,
    event_time,
    run_id,
    causation_id,
    trip_id,
    state,
    previous_state,
    rider_id,
    driver_id,
    pickup_lat,
    pickup_lon,
    pickup_zone_id,
    pickup_h3,
    dropoff_lat,
    dropoff_lon,
    dropoff_zone_id,
    dropoff_h3,
    offer_sequence,
    surge_multiplier,
    currency,
    fare_minor,
    distance_m,
    duration_s,
    pickup_eta_s,
    cancelled_by,
    cancel_reason,
    _kafka_partition,
    _kafka_offset
from numbered
where
    copy_number = 1
    {{ and_not_yet_taken('numbered') }}
