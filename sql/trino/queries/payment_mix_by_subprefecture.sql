-- Purpose: how riders pay in each part of the city.
-- Reads: gold.fact_payments, gold.fact_trips, gold.dim_zones. One row per subprefecture and method.
select
    zones.subprefecture,
    payments.method,
    count(*) as payments,
    round(100.0 * count(*) / sum(count(*)) over (partition by zones.subprefecture), 1) as percent
from lake.gold.fact_payments as payments
inner join lake.gold.fact_trips as trips on payments.trip_id = trips.trip_id
inner join lake.gold.dim_zones as zones on trips.pickup_zone_id = zones.zone_id
group by zones.subprefecture, payments.method
order by zones.subprefecture asc, payments desc
