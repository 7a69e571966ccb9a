-- Changes of zone repeat the status: an interval goes on until the status is another one. Statuses at one instant
-- leave no interval but the last. What a driver does after the last status known has no end yet.
with statuses as (
    select
        *,
        lag(status) over driver as status_before
    from {{ ref('stg_driver_status') }}
    window driver as (partition by run_id, driver_id order by event_time, _kafka_offset)
),

changes as (
    select
        *,
        lead(event_time) over (partition by run_id, driver_id order by event_time, _kafka_offset) as ended_at
    from statuses
    where status is distinct from status_before
)

select
    changes.event_id,
    changes.run_id,
    changes.driver_id,
    driver_versions.driver_key,
    changes.status,
    changes.event_time as started_at,
    changes.ended_at,
    date_diff('millisecond', changes.event_time, changes.ended_at) / 1000.0e0 as duration_s,
    changes.correlation_id as trip_id,
    changes.zone_id as start_zone_id
from changes
{{ version_valid_at('driver', 'changes', 'changes.event_time') }}
where changes.ended_at is null or changes.ended_at > changes.event_time
