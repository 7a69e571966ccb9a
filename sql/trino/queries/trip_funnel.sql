-- Purpose: how far trips get, and where they are now.
-- Reads: gold.fact_trips. One row per step of a trip, in order: the trips that reached it and those that stand there.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
with states (place, state) as (
    values
    (1, 'REQUESTED'),
    (2, 'OFFER_SENT'),
    (3, 'MATCHED'),
    (4, 'DRIVER_EN_ROUTE'),
    (5, 'DRIVER_ARRIVED'),
    (6, 'STARTED'),
    (7, 'COMPLETED'),
    (8, 'CANCELLED')
),

reached as (
    select
        states.place,
        states.state,
        trips.state as state_now,
        case states.state
            when 'REQUESTED' then trips.requested_at
            when 'OFFER_SENT' then trips.first_offer_at
            when 'MATCHED' then trips.matched_at
            when 'DRIVER_EN_ROUTE' then trips.driver_en_route_at
            when 'DRIVER_ARRIVED' then trips.driver_arrived_at
            when 'STARTED' then trips.started_at
            when 'COMPLETED' then trips.completed_at
            when 'CANCELLED' then trips.cancelled_at
        end as reached_at
    from lake.gold.fact_trips as trips
    cross join states
    where trips.requested_date between $first_day and $last_day
)

select
    state,
    count(reached_at) as trips_reached,
    count_if(state_now = state) as trips_now,
    round(100.0 * count(reached_at) / count(*), 1) as reached_percent
from reached
group by place, state
order by place
