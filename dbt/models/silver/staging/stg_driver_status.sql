{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

with unread as (
    select *
    from {{ source('bronze', 'rideshare_driver_status') }}
    where {{ unread_records('rideshare.driver_status') }}
),

records as (
    {{ read_records('rideshare.driver_status', 'unread') }}
),

events as (
    select
        {{ text_field('event_id') }} as event_id,
        event_time,
        {{ text_field('run_id') }} as run_id,
        {{ text_field('correlation_id') }} as correlation_id,
        {{ text_field('driver_id') }} as driver_id,
        {{ text_field('previous_status') }} as previous_status,
        {{ text_field('status') }} as status,
        {{ number_field('lat') }} as lat,
        {{ number_field('lon') }} as lon,
        {{ integer_field('zone_id') }} as zone_id,
        _kafka_partition,
        _kafka_offset
    from records
    where {{ is_event('rideshare.driver_status') }}
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
    correlation_id,
    driver_id,
    previous_status,
    status,
    lat,
    lon,
    zone_id,
    _kafka_partition,
    _kafka_offset
from numbered
where
    copy_number = 1
    {{ and_not_yet_taken('numbered') }}
