{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('rideshare.gps_pings', [
    'entity_type', 'entity_id', 'lat', 'lon', 'speed_kmh', 'heading_deg', 'accuracy_m', 'seq', 'trip_id',
    'driver_status',
], points=[('is_in_area', '')]) }}
