{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('rideshare.surge_updates', [
    'zone_id', 'previous_multiplier', 'multiplier', 'open_requests', 'idle_drivers',
]) }}
