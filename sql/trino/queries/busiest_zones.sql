-- Purpose: the zones with the most requests: how many were completed, at which mean surge, for how much.
-- Reads: gold.agg_hourly_zone_demand, gold.dim_zones. One row per zone and currency, over all hours there are.
-- Parameter zone_count (integer, default 10): how many zones.
select
    zones.zone_name,
    demand.currency,
    sum(demand.request_count) as requests,
    sum(demand.completed_count) as completed,
    sum(demand.cancelled_count) as cancelled,
    round(100.0 * sum(demand.completed_count) / sum(demand.request_count), 1) as completed_percent,
    round(sum(demand.mean_surge_multiplier * demand.request_count) / sum(demand.request_count), 2) as mean_surge,
    cast(sum(demand.revenue_minor) as decimal(18, 2)) / 100 as revenue
from lake.gold.agg_hourly_zone_demand as demand
inner join lake.gold.dim_zones as zones on demand.zone_id = zones.zone_id
group by zones.zone_id, zones.zone_name, demand.currency
order by requests desc, zones.zone_name asc
limit $zone_count
