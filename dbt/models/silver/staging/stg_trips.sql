{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('rideshare.trips', [
    'causation_id', 'trip_id', 'state', 'previous_state', 'rider_id', 'driver_id', 'pickup_lat', 'pickup_lon',
    'pickup_zone_id', 'pickup_h3', 'dropoff_lat', 'dropoff_lon', 'dropoff_zone_id', 'dropoff_h3',
    'offer_sequence', 'surge_multiplier', 'currency', 'fare_minor', 'distance_m', 'duration_s',
    'pickup_eta_s', 'cancelled_by', 'cancel_reason',
], points=[('is_pickup_in_area', 'pickup_'), ('is_dropoff_in_area', 'dropoff_')]) }}
