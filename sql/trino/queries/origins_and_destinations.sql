-- Purpose: the pairs of zones between which most trips were completed.
-- Reads: gold.fact_trips, gold.dim_zones. One row per pair; metres and seconds are means.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
-- Parameter pair_count (count, default 20): how many pairs.
select
    origins.zone_name as origin,
    destinations.zone_name as destination,
    count(*) as trips,
    round(avg(trips.distance_m)) as mean_distance_m,
    round(avg(trips.duration_s)) as mean_duration_s
from lake.gold.fact_trips as trips
inner join lake.gold.dim_zones as origins on trips.pickup_zone_id = origins.zone_id
inner join lake.gold.dim_zones as destinations on trips.dropoff_zone_id = destinations.zone_id
where trips.state = 'COMPLETED' and trips.requested_date between $first_day and $last_day
group by origins.zone_name, destinations.zone_name
order by trips desc, origin asc, destination asc
limit $pair_count
