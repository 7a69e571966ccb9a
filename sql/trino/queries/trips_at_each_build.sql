-- Purpose: yesterday's view of today: what fact_trips held after each build, and the snapshot to read it by
-- (select ... from lake.gold.fact_trips for version as of SNAPSHOT_ID).
-- Reads: the snapshots of gold.fact_trips. One row per snapshot that is kept, newest first.
-- Parameter row_count (count, default 100): how many rows.
select
    committed_at,
    snapshot_id,
    operation,
    cast(summary['total-records'] as bigint) as total_records,
    cast(summary['total-data-files'] as bigint) as total_data_files
from lake.gold."fact_trips$snapshots" -- noqa: RF05
order by committed_at desc
limit $row_count
