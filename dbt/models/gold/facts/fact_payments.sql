{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['settled_date']"},
) }}

-- A payment is one event and never changes, and staging has dropped its copies: what is above the offsets seen is new.
-- Should a producer tell a payment again as another event, the first one counts; a check of health tells the others.
with unseen as (
    select
        payments.*,
        row_number() over (
            partition by payments.payment_id
            order by payments._kafka_partition, payments._kafka_offset
        ) as copy_number
    from {{ ref('stg_payments') }} as payments
    {{ above_offsets_seen('payments') }}
)

select
    payments.payment_id,
    payments.event_id,
    payments.run_id,
    payments.trip_id,
    payments.rider_id,
    payments.driver_id,
    payments.method,
    payments.event_time as settled_at,
    {{ city_date('payments.event_time') }} as settled_date,
    {{ minute_of_day('payments.event_time') }} as settled_minute_of_day,
    payments.fare_minor,
    payments.fee_minor,
    payments.payout_minor,
    payments.tip_minor,
    payments.currency,
    payments._kafka_partition,
    payments._kafka_offset
from unseen as payments
where
    payments.copy_number = 1
    {{ and_not_yet_taken('payments', 'payment_id') }}
