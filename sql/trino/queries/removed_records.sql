-- Purpose: what Silver left out of Bronze and why, so that nothing goes missing in silence.
-- Reads: silver.removed_records. One row per topic and reason.
-- Parameter topic (text, default %): the topic, or a pattern of LIKE.
select
    topic,
    reason,
    count(*) as records
from lake.silver.removed_records
where topic like $topic
group by topic, reason
order by topic asc, records desc, reason asc
