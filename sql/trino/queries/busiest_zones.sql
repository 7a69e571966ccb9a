-- Purpose: the zones with the most requests: how many were completed, at which mean surge, for how much.
-- Reads: gold.agg_hourly_zone_demand, gold.dim_zones. One row per zone and currency.
-- Parameter first_day (date, default 2000-01-01): the first UTC day that counts.
-- Parameter last_day (date, default 2100-01-01): the last one.
-- Parameter zone_count (count, default 10): how many zones.
with demand as (
    select *
    from lake.gold.agg_hourly_zone_demand
    where cast(hour_start as date) between $first_day and $last_day
)

select
    zones.zone_name,
    demand.currency,
    sum(demand.request_count) as requests,
    sum(demand.completed_count) as completed,
    sum(demand.cancelled_count) as cancelled,
    round(100.0 * sum(demand.completed_count) / sum(demand.request_count), 1) as completed_percent,
    round(sum(demand.mean_surge_multiplier * demand.request_count) / sum(demand.request_count), 2) as mean_surge,
    cast(sum(demand.revenue_minor) as decimal(18, 2)) / 100 as revenue
from demand
inner join lake.gold.dim_zones as zones on demand.zone_id = zones.zone_id
group by zones.zone_id, zones.zone_name, demand.currency
order by requests desc, zones.zone_name asc
limit $zone_count
