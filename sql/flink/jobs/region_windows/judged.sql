-- Purpose: trips in their windows, with the verdict whether the window was still open when the trip came. It closes
-- once the trip's partition has seen an event $allowance_ms past the end of the window.
-- Inputs: region_trips. Output: view region_judged. Key: (partition, offset). Event time: rowtime.
-- The window operators see only rows that are not late: their own late drop stays at zero.
create temporary view region_judged as
select
    raw_value,
    kafka_key,
    topic,
    partition_id,
    offset_id,
    rowtime,
    event_id,
    region_id,
    duration_s,
    distance_m,
    fare_minor,
    currency,
    window_start,
    window_end,
    high >= cast(window_end + interval '0.001' second * $allowance_ms as timestamp_ltz(3)) as is_late
from table(
    tumble(table region_trips, descriptor(rowtime), interval '$window_s' second)
)
