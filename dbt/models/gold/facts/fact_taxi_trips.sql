{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['month(picked_up_at)']"},
) }}

select
    trips.event_id,
    trips.run_id,
    trips.trip_id,
    trips.region_id,
    trips.pickup_zone_id,
    trips.dropoff_zone_id,
    trips.event_time as picked_up_at,
    {{ window_start('trips.event_time', contract_rules()['region_window_ms']) }} as window_start,
    trips.duration_s,
    trips.distance_m,
    trips.passenger_count,
    trips.payment_type,
    trips.currency,
    trips.fare_minor,
    trips.tip_minor,
    trips.total_minor,
    trips.flags,
    trips._kafka_partition,
    trips._kafka_offset
from {{ ref('stg_taxi_trips') }} as trips
{{ above_offsets_seen('trips') }}
