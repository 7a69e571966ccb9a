-- Purpose: the drivers who earned most: trips, payout and tips, and payout per hour with a rider.
-- Reads: gold.fact_payments, gold.fact_trips. One row per driver and currency; money in major units.
-- Of trips asked for on these days; what is settled more than a day later is left out.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
-- Parameter driver_count (count, default 20): how many drivers.
select
    payments.driver_id,
    payments.currency,
    count(*) as trips,
    cast(sum(payments.payout_minor) as decimal(18, 2)) / 100 as payout,
    cast(sum(payments.tip_minor) as decimal(18, 2)) / 100 as tips,
    round(sum(payments.payout_minor) / 100.0 / nullif(sum(trips.duration_s) / 3600.0, 0), 2) as payout_per_ride_hour
from lake.gold.fact_payments as payments
inner join lake.gold.fact_trips as trips on payments.trip_id = trips.trip_id
where
    trips.requested_date between $first_day and $last_day
    and payments.settled_date between $first_day and $last_day + interval '1' day
group by payments.driver_id, payments.currency
order by payout desc, payments.driver_id asc
limit $driver_count
