{{ config(
    tags=['health'],
    meta={'topic': 'relationships'},
    fail_calc='coalesce(cast(ceil(100.0e0 * count(*) / max(row_count)) as bigint), 0)',
    warn_if='> 0',
    error_if='> 20',
) }}
-- Every payment of an ended run should have a completed trip of the same fare. A run under way is left out: its topics reach
-- Bronze in separate commits, so a payment may be there a moment before its trip.
with ended_runs as (
    select run_id
    from {{ ref('removed_records') }}
    where topic = 'rideshare.trips' and event_type = 'stream_end' and reason = 'control'
    group by run_id
    having count(distinct kafka_partition) = (
        select count(*)
        from {{ ref('bronze_offsets') }} as bounds
        where bounds.topic = 'rideshare.trips'
    )
)

select
    payments.payment_id,
    payments.trip_id,
    payments.fare_minor,
    trips.state,
    trips.fare_minor as trip_fare_minor,
    totals.row_count
from {{ ref('fact_payments') }} as payments
inner join ended_runs on payments.run_id = ended_runs.run_id
left join {{ ref('fact_trips') }} as trips on payments.trip_id = trips.trip_id
cross join (
    select count(*) as row_count
    from {{ ref('fact_payments') }}
) as totals
where trips.state is distinct from 'COMPLETED' or trips.fare_minor is distinct from payments.fare_minor
