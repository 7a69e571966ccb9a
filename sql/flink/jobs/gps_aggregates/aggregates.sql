-- Purpose: one minute of one driver, and of the drivers in one zone. Inputs: pings_once. Output: view aggregates.
-- Key: subject, subject_id, window start, run. Event time: window end. Lateness: see consecutive_pings.
-- Percentiles are exact and continuous. Pings outside all zones are in no zone; the condition on a count stays behind
-- the windows: one on the zone would be pushed below them, and drivers would need windows of their own.
create temporary view aggregates as
select
    subject,
    subject_id,
    extract(epoch from window_start) * 1000 as window_start_ms,
    extract(epoch from window_end) * 1000 as window_end_ms,
    ping_count,
    cast(sum_leg_m as double) as distance_m,
    cast(sum_speed_kmh as double) / ping_count as mean_speed_kmh,
    p95_speed_kmh,
    cast(idle_count as double) / ping_count as idle_share,
    run_id
from (
    select
        'driver' as subject,
        entity_id as subject_id,
        run_id,
        window_start,
        window_end,
        count(*) as ping_count,
        sum(leg_m) as sum_leg_m,
        sum(cast(speed_kmh as decimal(20, 6))) as sum_speed_kmh,
        percentile(speed_kmh, 0.95) as p95_speed_kmh,
        count(*) filter (where driver_status = '$idle') as idle_count
    from pings_once
    group by window_start, window_end, run_id, entity_id
    union all
    select
        'zone' as subject,
        cast(zone_id as string) as subject_id,
        run_id,
        window_start,
        window_end,
        count(*) as ping_count,
        sum(leg_m) as sum_leg_m,
        sum(cast(speed_kmh as decimal(20, 6))) as sum_speed_kmh,
        percentile(speed_kmh, 0.95) as p95_speed_kmh,
        count(*) filter (where driver_status = '$idle') as idle_count
    from pings_once
    group by window_start, window_end, run_id, zone_id
    having count(zone_id) > 0
)
