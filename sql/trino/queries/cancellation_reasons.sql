-- Purpose: who cancels trips, at which stage and why.
-- Reads: gold.fact_cancellations. One row per party, last state before the end and reason.
select
    cancelled_by,
    cancel_reason,
    reached,
    count(*) as trips,
    round(100.0 * count(*) / sum(count(*)) over (), 1) as percent
from lake.gold.fact_cancellations
group by 1, 2, 3
order by 4 desc, 1 asc, 2 asc, 3 asc
