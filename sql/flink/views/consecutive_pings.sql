-- Purpose: each ping of $entity_types that is not late, with the one before it by event time, then by the log.
-- A copy follows its original: it has moved by nothing in no time.
-- The one before is the sum of two rows less this row, in whole numbers (1e-7 degrees, milliseconds): lag() would take
-- rows of equal time as one group and call a ping of such a pair its own predecessor.
-- Inputs: valid_pings. Output: view consecutive_pings; is_first says that there is none before.
-- A ping is suspect (1) if it may be an outlier: its accuracy is bad, or its place is in none of the squares that lie
-- inside the accepted area (a text of 0 and 1, row by row: a list of numbers takes the planner minutes).
-- Key: (run_id, entity_id). Event time: rowtime, kept.
-- Lateness: more than $allowance_ms behind the newest of its partition is not here. The watermark is one millisecond
-- farther behind, so the operators after this drop nothing.
-- State: one ping per entity of a run, for as long as the state's time to live.
create temporary view consecutive_pings as
select
    run_id,
    entity_id,
    entity_type,
    event_id,
    rowtime,
    event_time_ms,
    lat_e7 / cast(1e7 as double) as lat,
    lon_e7 / cast(1e7 as double) as lon,
    accuracy_m,
    speed_kmh,
    driver_status,
    is_suspect,
    sum(is_suspect) over two_rows - is_suspect as previous_is_suspect,
    count(*) over two_rows = 1 as is_first,
    sum(event_time_ms) over two_rows - event_time_ms as previous_event_time_ms,
    (sum(lat_e7) over two_rows - lat_e7) / cast(1e7 as double) as previous_lat,
    (sum(lon_e7) over two_rows - lon_e7) / cast(1e7 as double) as previous_lon
from (
    select
        *,
        1000 * extract(epoch from event_time) + extract(millisecond from event_time) as event_time_ms,
        cast(round(lat * 1e7, 0) as bigint) as lat_e7,
        cast(round(lon * 1e7, 0) as bigint) as lon_e7,
        case
            when
                accuracy_m <= $accuracy_limit_m
                and cast(floor(lat * $tiles_per_degree) as int) between $first_row and $last_row
                and cast(floor(lon * $tiles_per_degree) as int) between $first_column and $last_column
                and substring(
                    '$inner_tiles',
                    (cast(floor(lat * $tiles_per_degree) as int) - $first_row) * ($last_column - $first_column + 1)
                    + cast(floor(lon * $tiles_per_degree) as int) - $first_column + 1,
                    1
                ) = '1'
                then 0
            else 1
        end as is_suspect
    from valid_pings
)
where entity_type in ($entity_types) and rowtime >= high - interval '0.001' second * $allowance_ms
window two_rows as (
    partition by run_id, entity_id
    order by rowtime
    rows between 1 preceding and current row
)
