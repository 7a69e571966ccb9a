{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

with unread as (
    select *
    from {{ source('bronze', 'rideshare_payments') }}
    where {{ unread_records('rideshare.payments') }}
),

records as (
    {{ read_records('rideshare.payments', 'unread') }}
),

events as (
    select
        {{ text_field('event_id') }} as event_id,
        event_time,
        {{ text_field('run_id') }} as run_id,
        {{ text_field('payment_id') }} as payment_id,
        {{ text_field('trip_id') }} as trip_id,
        {{ text_field('rider_id') }} as rider_id,
        {{ text_field('driver_id') }} as driver_id,
        {{ text_field('method') }} as method,
        {{ integer_field('fare_minor') }} as fare_minor,
        {{ integer_field('fee_minor') }} as fee_minor,
        {{ integer_field('payout_minor') }} as payout_minor,
        {{ integer_field('tip_minor') }} as tip_minor,
        {{ text_field('currency') }} as currency,
        _kafka_partition,
        _kafka_offset
    from records
    where {{ is_event('rideshare.payments') }}
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
    payment_id,
    trip_id,
    rider_id,
    driver_id,
    method,
    fare_minor,
    fee_minor,
    payout_minor,
    tip_minor,
    currency,
    _kafka_partition,
    _kafka_offset
from numbered
where
    copy_number = 1
    {{ and_not_yet_taken('numbered') }}
