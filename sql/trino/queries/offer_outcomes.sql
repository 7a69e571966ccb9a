-- Purpose: what becomes of offers, by the vehicle that the driver had at that time.
-- Reads: gold.fact_offers, gold.dim_drivers (the version valid when the offer was made). One row per class and outcome.
-- Parameter first_day (date, default 2000-01-01): the first day of offers that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
with offers as (
    select
        offers.outcome,
        offers.response_s,
        coalesce(drivers.vehicle_class, 'unknown') as vehicle_class
    from lake.gold.fact_offers as offers
    left join lake.gold.dim_drivers as drivers
        on
            offers.driver_id = drivers.driver_id
            and offers.offered_at >= drivers.valid_from
            and (offers.offered_at < drivers.valid_to or drivers.valid_to is null)
    where offers.offered_date between $first_day and $last_day
)

select
    vehicle_class,
    outcome,
    count(*) as offers,
    round(100.0 * count(*) / sum(count(*)) over (partition by vehicle_class), 1) as percent,
    round(avg(response_s), 1) as mean_response_s
from offers
group by vehicle_class, outcome
order by vehicle_class asc, offers desc, outcome asc
