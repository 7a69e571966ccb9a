{{ config(properties={'partitioning': "array['requested_date']"}) }}

select
    trip_id,
    run_id,
    rider_id,
    rider_key,
    driver_id,
    driver_key,
    pickup_zone_id,
    requested_date,
    requested_at,
    cancelled_at,
    cancelled_by,
    cancel_reason,
    case
        when driver_arrived_at is not null then 'DRIVER_ARRIVED'
        when driver_en_route_at is not null then 'DRIVER_EN_ROUTE'
        when matched_at is not null then 'MATCHED'
        when first_offer_at is not null then 'OFFER_SENT'
        else 'REQUESTED'
    end as reached,
    date_diff('millisecond', requested_at, cancelled_at) / 1000.0e0 as waited_s,
    offer_count,
    surge_multiplier
from {{ ref('fact_trips') }}
where state = 'CANCELLED'
