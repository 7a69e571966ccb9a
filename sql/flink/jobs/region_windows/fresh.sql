-- Purpose: trips of windows that are still open, each once, as soon as they are read.
-- Inputs: region_judged. Output: view region_fresh. Key: event_id. Event time: none, a trip is given on at once.
-- Lateness: late trips are not in it. State: a trip is remembered for an hour of wall time, by the operator itself.
-- Copies that are read within one millisecond are peers and share their frame: the first of them is told by its place.
create temporary view region_fresh as
select
    region_id,
    window_start_ms,
    window_end_ms,
    duration_s,
    distance_m,
    fare_minor,
    currency
from (
    select
        *,
        first_value(place) over (
            partition by event_id
            order by read_at
            range between interval '1' hour preceding and current row
        ) as first_place
    from (
        select
            region_id,
            extract(epoch from window_start) * 1000 as window_start_ms,
            extract(epoch from window_end) * 1000 as window_end_ms,
            event_id,
            duration_s,
            distance_m,
            fare_minor,
            currency,
            concat_ws('/', cast(partition_id as string), cast(offset_id as string)) as place,
            proctime() as read_at
        from region_judged
        where not is_late
    )
)
where place = first_place
