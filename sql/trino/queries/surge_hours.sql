-- Purpose: where and when the price stayed up: hours of zones by their mean multiplier over time.
-- Reads: gold.agg_surge_history, gold.dim_zones. One row per zone and hour (UTC) with a change, highest mean first.
-- Parameter first_day (date, default 2000-01-01): the first UTC day that counts.
-- Parameter last_day (date, default 2100-01-01): the last one.
-- Parameter row_count (count, default 20): how many rows.
with history as (
    select *
    from lake.gold.agg_surge_history
    where cast(hour_start as date) between $first_day and $last_day
)

select
    zones.zone_name,
    history.hour_start,
    history.highest_multiplier,
    history.change_count,
    history.most_open_requests,
    history.fewest_idle_drivers,
    round(history.mean_multiplier, 2) as mean_multiplier
from history
inner join lake.gold.dim_zones as zones on history.zone_id = zones.zone_id
order by mean_multiplier desc, zones.zone_name asc, history.hour_start asc
limit $row_count
