-- Purpose: one minute of one driver, and of the drivers in one zone. Inputs: linked_windows. Output: view aggregates.
-- A window of a driver is split into its sums: as a whole, and by zone (Python: H3 has no counterpart in SQL). The
-- windows after it put together those of one subject; what is in no zone is in no zone's window.
-- Key: subject, subject_id, window start, run. Event time: window end. Lateness: see packed_pings.
-- Sums are of whole micrometres and millionths of km/h, because a sum of doubles depends on the order of arrival.
-- Percentiles are exact and continuous.
create temporary view aggregates as
select
    subject,
    subject_id,
    extract(epoch from window_start) * 1000 as window_start_ms,
    extract(epoch from window_end) * 1000 as window_end_ms,
    ping_count,
    cast(sum_leg_um as double) / 1e6 as distance_m,
    cast(sum_speed_millionths as double) / 1e6 / ping_count as mean_speed_kmh,
    p95_of(speeds_kmh) as p95_speed_kmh,
    cast(idle_count as double) / ping_count as idle_share,
    run_id
from (
    select
        run_id,
        subject,
        subject_id,
        window_start,
        window_end,
        sum(part_count) as ping_count,
        sum(part_leg_um) as sum_leg_um,
        sum(part_speed_millionths) as sum_speed_millionths,
        sum(part_idle_count) as idle_count,
        listagg(part_speeds_kmh, ' ') as speeds_kmh
    from table(tumble(table driver_parts, descriptor(part_time), interval '$window_s' second))
    group by window_start, window_end, run_id, subject, subject_id
)
