-- Purpose: each ping of $entity_types that is not late.
-- Inputs: valid_pings. Output: view timely_pings. Key: (run_id, entity_id). Event time: rowtime, kept.
-- A ping is suspect (1) if it may be an outlier: its accuracy is bad, or its place is in none of the squares that lie
-- inside the accepted area (a text of 0 and 1, row by row: a list of numbers takes the planner minutes).
-- Lateness: more than $allowance_ms behind the newest of its partition is not here. The watermark is one millisecond
-- farther behind, so the operators after this drop nothing.
create temporary view timely_pings as
select
    *, -- noqa: AM04
    1000 * extract(epoch from event_time) + extract(millisecond from event_time) as event_time_ms,
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
where entity_type in ($entity_types) and rowtime >= high - interval '0.001' second * $allowance_ms
