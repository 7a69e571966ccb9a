-- Purpose: what drivers make of a day: time online and with a rider, acceptance, earnings per hour online, stars.
-- Reads: gold.agg_daily_driver_performance, gold.dim_drivers. A row per driver, day and currency, best paid first.
-- Parameter first_day (date, default 2000-01-01): the first day that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
-- Parameter row_count (count, default 20): how many rows.
with days as (
    select *
    from lake.gold.agg_daily_driver_performance
    where date_day between $first_day and $last_day
)

select
    days.date_day,
    days.driver_id,
    drivers.display_name,
    drivers.vehicle_class,
    days.completed_count,
    days.currency,
    round(days.online_s / 3600.0, 2) as online_hours,
    round(100.0 * days.on_trip_s / nullif(days.online_s, 0), 1) as with_rider_percent,
    round(100.0 * days.accepted_count / nullif(days.offer_count, 0), 1) as accepted_percent,
    cast(days.payout_minor + days.tip_minor as decimal(18, 2)) / 100 as earnings,
    round((days.payout_minor + days.tip_minor) / 100.0 / nullif(days.online_s / 3600.0, 0), 2) as earnings_per_hour,
    round(days.mean_stars, 2) as mean_stars
from days
left join lake.gold.dim_drivers as drivers on days.driver_id = drivers.driver_id and drivers.is_current
order by earnings_per_hour desc nulls last, days.driver_id asc, days.date_day asc
limit $row_count
