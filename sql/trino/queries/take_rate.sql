-- Purpose: what the platform keeps, day by day.
-- Reads: gold.fact_payments. One row per day and currency; money in major units, no rate where nothing was paid.
-- Parameter first_day (date, default 2000-01-01): the first day that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    settled_date,
    currency,
    count(*) as payments,
    cast(sum(fare_minor) as decimal(18, 2)) / 100 as fares,
    cast(sum(fee_minor) as decimal(18, 2)) / 100 as platform_fees,
    round(100.0 * sum(fee_minor) / nullif(sum(fare_minor), 0), 2) as take_rate_percent
from lake.gold.fact_payments
where settled_date between $first_day and $last_day
group by settled_date, currency
order by settled_date asc, currency asc
