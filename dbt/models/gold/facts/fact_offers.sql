{{ config(properties={'partitioning': "array['offered_date']"}) }}

-- An offer is the OFFER_SENT event of a trip with its number; what became of it is the next event of the trip that
-- answers an offer. A trip that was cancelled first has withdrawn the offer that still stood.
with steps as (
    select
        *,
        lead(event_time) over trip as next_at,
        lead(state) over trip as next_state
    from {{ ref('stg_trips') }}
    where state in ('OFFER_SENT', 'OFFER_EXPIRED', 'OFFER_REJECTED', 'MATCHED', 'CANCELLED')
    window trip as (partition by trip_id order by event_time, _kafka_offset)
),

numbered as (
    select
        *,
        row_number() over (partition by trip_id order by event_time, _kafka_offset) as offer_number
    from steps
    where state = 'OFFER_SENT'
)

select
    event_id,
    run_id,
    trip_id,
    offer_number,
    offer_sequence,
    driver_id,
    pickup_zone_id,
    surge_multiplier,
    event_time as offered_at,
    {{ city_date('event_time') }} as offered_date,
    case next_state
        when 'MATCHED' then 'accepted'
        when 'OFFER_REJECTED' then 'rejected'
        when 'OFFER_EXPIRED' then 'expired'
        when 'CANCELLED' then 'withdrawn'
        -- The answer has not come, or is lost: the next thing known is another offer.
        else 'unknown'
    end as outcome,
    case when next_state != 'OFFER_SENT' then next_at end as answered_at,
    case when next_state != 'OFFER_SENT' then date_diff('millisecond', event_time, next_at) / 1000.0e0 end as response_s
from numbered
