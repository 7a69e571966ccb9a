-- Purpose: whose positions to distrust: drivers and riders by the number of their anomalies.
-- Reads: silver.anomalies_all. One row per entity and kind.
-- Parameter row_count (count, default 20): how many rows.
select
    entity_type,
    entity_id,
    kind,
    severity,
    count(*) as anomalies,
    min(raised_at) as first_raised_at,
    max(raised_at) as last_raised_at,
    round(max(speed_kmh), 0) as highest_speed_kmh
from lake.silver.anomalies_all
group by entity_type, entity_id, kind, severity
order by anomalies desc, entity_id asc, kind asc
limit $row_count
