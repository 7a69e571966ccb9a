{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

with unread as (
    select *
    from {{ source('bronze', 'rideshare_gps_pings') }}
    where {{ unread_records('rideshare.gps_pings') }}
),

records as (
    {{ read_records('rideshare.gps_pings', 'unread') }}
),

events as (
    select
        {{ text_field('event_id') }} as event_id,
        event_time,
        {{ text_field('run_id') }} as run_id,
        {{ text_field('entity_type') }} as entity_type,
        {{ text_field('entity_id') }} as entity_id,
        {{ number_field('lat') }} as lat,
        {{ number_field('lon') }} as lon,
        {{ number_field('speed_kmh') }} as speed_kmh,
        {{ number_field('heading_deg') }} as heading_deg,
        {{ number_field('accuracy_m') }} as accuracy_m,
        {{ integer_field('seq') }} as seq,
        {{ text_field('trip_id') }} as trip_id,
        {{ text_field('driver_status') }} as driver_status,
        _kafka_partition,
        _kafka_offset
    from records
    where {{ is_event('rideshare.gps_pings') }}
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
    entity_type,
    entity_id,
    lat,
    lon,
    speed_kmh,
    heading_deg,
    accuracy_m,
    seq,
    trip_id,
    driver_status,
    _kafka_partition,
    _kafka_offset
from numbered
where
    copy_number = 1
    {{ and_not_yet_taken('numbered') }}
