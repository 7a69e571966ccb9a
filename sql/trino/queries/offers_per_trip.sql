-- Purpose: how many drivers are asked before one takes a trip, and what the extra offers cost in time.
-- Reads: gold.fact_trips. One row per number of offers, matched trips only.
-- Parameter first_day (date, default 2000-01-01): the first day of requests that counts, on the city's calendar.
-- Parameter last_day (date, default 2100-01-01): the last one.
select
    offer_count,
    count(*) as trips,
    round(100.0 * count(*) / sum(count(*)) over (), 1) as percent,
    round(avg(date_diff('millisecond', first_offer_at, matched_at)) / 1000.0, 1) as mean_seconds_to_match
from lake.gold.fact_trips
where matched_at is not null and requested_date between $first_day and $last_day
group by offer_count
order by offer_count asc
