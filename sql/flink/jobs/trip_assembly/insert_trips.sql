-- Purpose: assembled trips to their topic. Inputs: view assembled_trips. Output: taxi_assembled_trips. Key: trip_id.
-- Event time: started_at_ms. Lateness: decided before. At least once: a repeat has the same key and revision.
insert into taxi_assembled_trips
select
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
