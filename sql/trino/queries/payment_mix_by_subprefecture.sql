-- Purpose: how riders pay in each part of the city.
-- Reads: gold.fact_payments, gold.fact_trips, gold.dim_zones. One row per subprefecture and method.
-- Of trips asked for on these days; what is settled more than a day later is left out.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    zones.subprefecture,
    payments.method,
    count(*) as payments,
    round(100.0 * count(*) / sum(count(*)) over (partition by zones.subprefecture), 1) as percent
from lake.gold.fact_payments as payments
inner join lake.gold.fact_trips as trips on payments.trip_id = trips.trip_id
inner join lake.gold.dim_zones as zones on trips.pickup_zone_id = zones.zone_id
where
    trips.requested_date between $first_day and $last_day
    and payments.settled_date between $first_day and $last_day + interval '1' day
group by zones.subprefecture, payments.method
order by zones.subprefecture asc, payments desc
