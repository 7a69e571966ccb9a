-- Purpose: how far trips get, and where they are now.
-- Reads: gold.fact_trips. One row per step of a trip, in order: the trips that reached it and those that stand there.
with reached as (
    select
        milestones.position,
        milestones.state,
        milestones.reached_at,
        trips.state as state_now
    from lake.gold.fact_trips as trips
    cross join
        unnest(
            array[
                'REQUESTED', 'OFFER_SENT', 'MATCHED', 'DRIVER_EN_ROUTE',
                'DRIVER_ARRIVED', 'STARTED', 'COMPLETED', 'CANCELLED'
            ],
            array[
                trips.requested_at, trips.first_offer_at, trips.matched_at, trips.driver_en_route_at,
                trips.driver_arrived_at, trips.started_at, trips.completed_at, trips.cancelled_at
            ]
        ) with ordinality as milestones (state, reached_at, position)
)

select
    state,
    count(reached_at) as trips_reached,
    count_if(state_now = state) as trips_now,
    round(100.0 * count(reached_at) / count(*), 1) as reached_percent
from reached
group by position, state
order by position
