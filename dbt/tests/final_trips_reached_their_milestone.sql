-- A completed trip has an end and a fare, a cancelled one a time and a reason, and no trip is both.
select
    trip_id,
    state,
    completed_at,
    cancelled_at
from {{ ref('fact_trips') }}
where
    (state = 'COMPLETED') != (completed_at is not null)
    or (state = 'CANCELLED') != (cancelled_at is not null)
    or (state = 'COMPLETED' and fare_minor is null)
    or (state = 'CANCELLED' and cancel_reason is null)
