{{ config(
    materialized='incremental',
    incremental_strategy='append',
) }}

select
    ratings.event_id,
    ratings.run_id,
    ratings.trip_id,
    ratings.event_time as rated_at,
    {{ city_date('ratings.event_time') }} as rated_date,
    ratings.rater,
    ratings.rater_id,
    ratings.ratee,
    ratings.ratee_id,
    ratings.stars,
    ratings._kafka_partition,
    ratings._kafka_offset
from {{ ref('stg_ratings') }} as ratings
{{ above_offsets_seen('ratings') }}
