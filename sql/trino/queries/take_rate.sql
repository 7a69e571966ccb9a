-- Purpose: what the platform keeps, day by day.
-- Reads: gold.fact_payments. One row per UTC day and currency; money in major units.
-- Parameter first_day (date, default 2000-01-01): the first day that counts.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    cast(settled_at as date) as settled_on,
    currency,
    count(*) as payments,
    cast(sum(fare_minor) as decimal(18, 2)) / 100 as fares,
    cast(sum(fee_minor) as decimal(18, 2)) / 100 as platform_fees,
    round(100.0 * sum(fee_minor) / sum(fare_minor), 2) as take_rate_percent
from lake.gold.fact_payments
where cast(settled_at as date) between $first_day and $last_day
group by cast(settled_at as date), currency
order by settled_on asc, currency asc
