-- Purpose: what Silver left out of Bronze and why, so that nothing goes missing in silence.
-- Reads: silver.removed_records. One row per topic and reason.
select
    topic,
    reason,
    count(*) as records
from lake.silver.removed_records
group by topic, reason
order by topic asc, records desc, reason asc
