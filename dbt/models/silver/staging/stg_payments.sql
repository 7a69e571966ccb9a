{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('rideshare.payments', [
    'payment_id', 'trip_id', 'rider_id', 'driver_id', 'method', 'fare_minor', 'fee_minor', 'payout_minor',
    'tip_minor', 'currency',
]) }}
