-- Purpose: assembled trips to Iceberg, committed with each checkpoint. Inputs: view assembled_trips.
-- Output: $target_table. Key: trip_id and revision, the highest is the newest; a job that is started from the beginning
-- writes the same rows again. Event time, lateness: as in insert_trips.sql. uid-suffix: names the sink's operators.
insert into $target_table /*+ options('uid-suffix' = '$uid') */
select
    current_timestamp as _written_at,
    cast(current_timestamp as date) as _written_date,
    trip_id,
    run_id,
    revision,
    is_complete,
    missing,
    region_id,
    started_at_ms,
    ended_at_ms,
    paid_at_ms,
    passenger_count,
    dropoff_zone_id,
    distance_m,
    duration_s,
    fare_minor,
    total_minor,
    tip_minor,
    currency,
    payment_type
from assembled_trips
