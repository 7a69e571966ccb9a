{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='trip_id',
    properties={'partitioning': "array['requested_date']"},
) }}

-- A trip whose newest event lies above the offsets already seen is computed anew from all its events, so late and
-- out-of-order events land where event time puts them. Every event of a trip has its trip as key: one partition.
-- So is a trip for which a profile update that came late has made another version of its driver or rider the valid one.
-- A request that comes late may belong to the day before: the merge looks for a trip in all days and moves it.
with seen as (
    {% if is_incremental() %}
    select
        _kafka_partition,
        max(_last_kafka_offset) as highest_offset
    from {{ this }}
    group by _kafka_partition
    {% else %}
    select
        cast(null as integer) as _kafka_partition,
        cast(null as bigint) as highest_offset
    where false
    {% endif %}
),

changed as (
    select distinct events.trip_id
    from {{ ref('stg_trips') }} as events
    left join seen on events._kafka_partition = seen._kafka_partition
    where events._kafka_offset > coalesce(seen.highest_offset, -1)
    {% if is_incremental() %}
    union distinct
    select known.trip_id
    from {{ this }} as known
    {{ version_valid_at('driver', 'known', 'known.matched_at') }}
    {{ version_valid_at('rider', 'known', 'coalesce(known.requested_at, known.first_event_at)') }}
    where
        known.driver_key is distinct from driver_versions.driver_key
        or known.rider_key is distinct from rider_versions.rider_key
    {% endif %}
),

-- Of events at one instant the last one sent counts.
events as (
    select
        *,
        row_number() over (partition by trip_id order by event_time, _kafka_offset) as place
    from {{ ref('stg_trips') }}
    where trip_id in (select changed.trip_id from changed)
),

trips as (
    select
        trip_id,
        {{ value_at_highest('run_id', 'place') }} as run_id,
        {{ value_at_highest('state', 'place') }} as state,
        {{ value_at_highest('rider_id', 'place') }} as rider_id,
        {{ value_at_highest('driver_id', 'place') }} filter (
            where state in ('MATCHED', 'DRIVER_EN_ROUTE', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED')
        ) as driver_id,
        {{ value_at_highest('pickup_zone_id', 'place') }} as pickup_zone_id,
        {{ value_at_highest('dropoff_zone_id', 'place') }} as dropoff_zone_id,
        min(event_time) as first_event_at,
        min(event_time) filter (where state = 'REQUESTED') as requested_at,
        min(event_time) filter (where state = 'OFFER_SENT') as first_offer_at,
        min(event_time) filter (where state = 'MATCHED') as matched_at,
        min(event_time) filter (where state = 'DRIVER_EN_ROUTE') as driver_en_route_at,
        min(event_time) filter (where state = 'DRIVER_ARRIVED') as driver_arrived_at,
        min(event_time) filter (where state = 'STARTED') as started_at,
        min(event_time) filter (where state = 'COMPLETED') as completed_at,
        min(event_time) filter (where state = 'CANCELLED') as cancelled_at,
        count_if(state = 'OFFER_SENT') as offer_count,
        count_if(state = 'OFFER_EXPIRED') as expired_offer_count,
        count_if(state = 'OFFER_REJECTED') as rejected_offer_count,
        {{ value_at_highest('pickup_eta_s', 'place') }} filter (where state = 'MATCHED') as pickup_eta_s,
        {{ value_at_highest('surge_multiplier', 'place') }} as surge_multiplier,
        {{ value_at_highest('currency', 'place') }} as currency,
        {{ value_at_highest('fare_minor', 'place') }} filter (where state = 'COMPLETED') as fare_minor,
        {{ value_at_highest('distance_m', 'place') }} filter (where distance_m is not null) as distance_m,
        {{ value_at_highest('duration_s', 'place') }} filter (where duration_s is not null) as duration_s,
        {{ value_at_highest('cancelled_by', 'place') }} as cancelled_by,
        {{ value_at_highest('cancel_reason', 'place') }} as cancel_reason,
        {{ value_at_highest('_kafka_partition', '_kafka_offset') }} as _kafka_partition,
        max(_kafka_offset) as _last_kafka_offset
    from events
    group by trip_id
)

select
    trips.trip_id,
    trips.run_id,
    trips.state,
    trips.state in ('COMPLETED', 'CANCELLED') as is_final,
    trips.rider_id,
    rider_versions.rider_key,
    trips.driver_id,
    driver_versions.driver_key,
    trips.pickup_zone_id,
    trips.dropoff_zone_id,
    date_trunc('hour', coalesce(trips.requested_at, trips.first_event_at)) as requested_hour,
    {{ city_date('coalesce(trips.requested_at, trips.first_event_at)') }} as requested_date,
    {{ minute_of_day('coalesce(trips.requested_at, trips.first_event_at)') }} as requested_minute_of_day,
    trips.first_event_at,
    trips.requested_at,
    trips.first_offer_at,
    trips.matched_at,
    trips.driver_en_route_at,
    trips.driver_arrived_at,
    trips.started_at,
    trips.completed_at,
    trips.cancelled_at,
    trips.offer_count,
    trips.expired_offer_count,
    trips.rejected_offer_count,
    trips.pickup_eta_s,
    trips.surge_multiplier,
    trips.currency,
    trips.fare_minor,
    trips.distance_m,
    trips.duration_s,
    trips.cancelled_by,
    trips.cancel_reason,
    trips._kafka_partition,
    trips._last_kafka_offset
from trips
{{ version_valid_at('driver', 'trips', 'trips.matched_at') }}
{{ version_valid_at('rider', 'trips', 'coalesce(trips.requested_at, trips.first_event_at)') }}
