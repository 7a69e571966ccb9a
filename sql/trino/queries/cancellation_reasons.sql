-- Purpose: who cancels trips, at which stage and why.
-- Reads: gold.fact_trips. One row per party, last state before the end and reason.
select
    cancelled_by,
    cancel_reason,
    case
        when driver_arrived_at is not null then 'DRIVER_ARRIVED'
        when driver_en_route_at is not null then 'DRIVER_EN_ROUTE'
        when matched_at is not null then 'MATCHED'
        when first_offer_at is not null then 'OFFER_SENT'
        else 'REQUESTED'
    end as reached,
    count(*) as trips,
    round(100.0 * count(*) / sum(count(*)) over (), 1) as percent
from lake.gold.fact_trips
where state = 'CANCELLED'
group by 1, 2, 3
order by 4 desc, 1 asc, 2 asc, 3 asc
