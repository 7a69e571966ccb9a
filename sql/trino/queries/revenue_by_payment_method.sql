-- Purpose: what riders paid by each method, and how it was split.
-- Reads: gold.fact_payments, gold.dim_payment_methods. One row per method and currency; money in major units.
-- Parameter first_day (date, default 2000-01-01): the first day that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    methods.method_name,
    payments.currency,
    count(*) as payments,
    cast(sum(payments.fare_minor) as decimal(18, 2)) / 100 as fares,
    cast(sum(payments.fee_minor) as decimal(18, 2)) / 100 as platform_fees,
    cast(sum(payments.payout_minor) as decimal(18, 2)) / 100 as driver_payouts,
    cast(sum(payments.tip_minor) as decimal(18, 2)) / 100 as tips
from lake.gold.fact_payments as payments
inner join lake.gold.dim_payment_methods as methods on payments.method = methods.method
where payments.settled_date between $first_day and $last_day
group by methods.method_name, payments.currency
order by fares desc, methods.method_name asc
