{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('rideshare.ratings', [
    'trip_id', 'rater', 'rater_id', 'ratee', 'ratee_id', 'stars',
]) }}
