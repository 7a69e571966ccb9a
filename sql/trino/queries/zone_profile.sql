-- Purpose: one zone hour by hour: requests, completion, surge and revenue.
-- Reads: gold.agg_hourly_zone_demand, gold.dim_zones. One row per hour and currency; money in major units.
-- Parameter first_day (date, default 2000-01-01): the first UTC day that counts.
-- Parameter last_day (date, default 2100-01-01): the last one.
-- Parameter zone (integer, default 78): the zone; 78 is Sé, the centre.
with demand as (
    select *
    from lake.gold.agg_hourly_zone_demand
    where
        zone_id = $zone
        and cast(hour_start as date) between $first_day and $last_day
)

select
    zones.zone_name,
    demand.hour_start,
    demand.currency,
    demand.request_count,
    demand.completed_count,
    round(demand.mean_surge_multiplier, 2) as mean_surge,
    cast(demand.revenue_minor as decimal(18, 2)) / 100 as revenue
from demand
inner join lake.gold.dim_zones as zones on demand.zone_id = zones.zone_id
order by demand.hour_start asc, demand.currency asc
