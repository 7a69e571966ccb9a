{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('taxi.trip_events', [
    'event_type', 'trip_id', 'region_id', 'passenger_count', 'dropoff_zone_id', 'distance_m', 'duration_s',
    'fare_minor', 'currency', 'total_minor', 'tip_minor', 'payment_type',
]) }}
