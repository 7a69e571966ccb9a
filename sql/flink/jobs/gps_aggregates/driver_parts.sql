-- Purpose: the sums of one driver's window, for the driver and for each zone it was in. Inputs: linked_windows.
-- Output: view driver_parts. Key: subject, subject_id, driver, window, run. Event time: part_time, that of the window.
-- Lateness: see packed_pings.
create temporary view driver_parts as
select
    driver.run_id,
    driver.window_time as part_time,
    part.subject,
    part.subject_id,
    part.part_count,
    part.part_leg_um,
    part.part_speed_millionths,
    part.part_idle_count,
    part.part_speeds_kmh
from linked_windows as driver
cross join lateral table(parts_of(driver.entity_id, driver.pings, driver.ping_before)) as part(
    subject, subject_id, part_count, part_leg_um, part_speed_millionths, part_idle_count, part_speeds_kmh
)
