-- Purpose: how many drivers are asked before one takes a trip, and what the extra offers cost in time.
-- Reads: gold.fact_trips. One row per number of offers, matched trips only.
select
    offer_count,
    count(*) as trips,
    round(100.0 * count(*) / sum(count(*)) over (), 1) as percent,
    round(avg(date_diff('millisecond', first_offer_at, matched_at)) / 1000.0, 1) as mean_seconds_to_match
from lake.gold.fact_trips
where matched_at is not null
group by offer_count
order by offer_count asc
