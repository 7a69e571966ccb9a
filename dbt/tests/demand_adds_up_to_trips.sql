-- The hours and zones of the aggregate hold every trip once, and all of their revenue.
select
    demand.request_count,
    trips.trip_count,
    demand.revenue_minor,
    trips.fare_minor
from (
    select
        coalesce(sum(request_count), 0) as request_count,
        coalesce(sum(revenue_minor), 0) as revenue_minor
    from {{ ref('agg_hourly_zone_demand') }}
) as demand
cross join (
    select
        count(*) as trip_count,
        coalesce(sum(fare_minor), 0) as fare_minor
    from {{ ref('fact_trips') }}
) as trips
where demand.request_count != trips.trip_count or demand.revenue_minor != trips.fare_minor
