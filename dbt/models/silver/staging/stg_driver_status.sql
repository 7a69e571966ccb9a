{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('rideshare.driver_status', [
    'correlation_id', 'driver_id', 'previous_status', 'status', 'lat', 'lon', 'zone_id',
], points=[('is_in_area', '')]) }}
