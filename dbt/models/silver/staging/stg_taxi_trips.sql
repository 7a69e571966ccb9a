{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('taxi.trips', [
    'trip_id', 'region_id', 'duration_s', 'distance_m', 'fare_minor', 'currency', 'total_minor', 'tip_minor',
    'payment_type', 'pickup_zone_id', 'dropoff_zone_id', 'passenger_count', 'flags',
]) }}
