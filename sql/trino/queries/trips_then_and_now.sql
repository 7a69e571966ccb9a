-- Purpose: yesterday's view of today: what was said of trips so many hours ago, and what is said of them now.
-- Reads: gold.fact_trips, as it was and as it is. One row per state then, state now and currency; money in major units.
-- No state then: the trip was not known, or not under one of these days. No state now: it has moved to another day.
-- Where no snapshot is old enough it fails and says so; trips_at_each_build shows those that are kept.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
-- Parameter hours_ago (hours, default 24): how long ago.
with trips_then as (
    select
        trip_id,
        state,
        currency,
        fare_minor
    from lake.gold.fact_trips
    for timestamp as of date_add('second', cast(-3600 * $hours_ago as bigint), current_timestamp) -- noqa: PRS
    where requested_date between $first_day and $last_day
),

trips_now as (
    select
        trip_id,
        state,
        currency,
        fare_minor
    from lake.gold.fact_trips
    where requested_date between $first_day and $last_day
)

select
    trips_then.state as state_then,
    trips_now.state as state_now,
    coalesce(trips_now.currency, trips_then.currency) as currency,
    count(*) as trips,
    count_if(trips_then.fare_minor is distinct from trips_now.fare_minor) as trips_of_another_fare,
    cast(coalesce(sum(trips_then.fare_minor), 0) as decimal(18, 2)) / 100 as fares_then,
    cast(coalesce(sum(trips_now.fare_minor), 0) as decimal(18, 2)) / 100 as fares_now
from trips_then
full outer join trips_now on trips_then.trip_id = trips_now.trip_id
group by 1, 2, 3
order by 4 desc, 1 asc, 2 asc, 3 asc
