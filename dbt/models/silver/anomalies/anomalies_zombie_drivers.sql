{{ config(materialized='table') }}

-- Silence counts from the last ping, or from coming on shift, and ends with the next ping or with the shift. The clock
-- of a run is its newest ping or heartbeat: what its end announces lies beyond it.
with clocks as (
    select
        run_id,
        max(event_time) as ended_at
    from (
        select
            run_id,
            event_time
        from {{ ref('stg_gps_pings') }}
        union all
        select
            run_id,
            event_time
        from {{ ref('removed_records') }}
        where topic = 'rideshare.gps_pings' and reason = 'control' and event_type = 'stream_heartbeat'
    ) as signs_of_the_run
    group by run_id
),

signs as (
    select
        run_id,
        entity_id as driver_id,
        event_time,
        cast(null as boolean) as is_on_shift,
        0 as rank_in_time,
        _kafka_offset
    from {{ ref('stg_gps_pings') }}
    where entity_type = 'driver'
    union all
    select
        run_id,
        driver_id,
        event_time,
        status in (
            '{{ contract_rules()["zombie_statuses"] | join("', '") }}' -- noqa: LT05
        ) as is_on_shift,
        1 as rank_in_time,
        _kafka_offset
    from {{ ref('stg_driver_status') }}
),

shifts as (
    select
        *,
        {{ last_known('is_on_shift') }} over (
            partition by run_id, driver_id
            order by event_time, rank_in_time, _kafka_offset
            rows between unbounded preceding and current row
        ) as is_on_shift_after,
        {{ last_known('is_on_shift') }} over (
            partition by run_id, driver_id
            order by event_time, rank_in_time, _kafka_offset
            rows between unbounded preceding and 1 preceding
        ) as is_on_shift_before
    from signs
),

heard as (
    select
        *,
        is_on_shift is null or (is_on_shift and not coalesce(is_on_shift_before, false)) as begins_silence
    from shifts
),

numbered as (
    select
        *,
        sum(case when begins_silence then 1 else 0 end) over (
            partition by run_id, driver_id
            order by event_time, rank_in_time, _kafka_offset
            rows between unbounded preceding and current row
        ) as silence_number
    from heard
),

silences as (
    select
        run_id,
        driver_id,
        silence_number,
        min(event_time) as silent_since,
        bool_or(begins_silence and coalesce(is_on_shift_after, false)) as begins_on_shift,
        min(event_time) filter (where not is_on_shift) as shift_ended_at
    from numbered
    where silence_number > 0
    group by run_id, driver_id, silence_number
),

ends as (
    select
        *,
        coalesce(
            shift_ended_at,
            lead(silent_since) over (partition by run_id, driver_id order by silence_number)
        ) as cleared_at
    from silences
)

select
    ends.run_id,
    ends.driver_id,
    'silent' as reason,
    '{{ contract_rules()["severities"]["zombie_driver"] }}' as severity,
    ends.silent_since,
    ends.silent_since + interval '1' second * {{ contract_rules()['zombie_silence_ms'] // 1000 }} as raised_at,
    ends.cleared_at,
    date_diff('millisecond', ends.silent_since, coalesce(ends.cleared_at, clocks.ended_at)) as lasted_ms
from ends
inner join clocks on ends.run_id = clocks.run_id
where
    ends.begins_on_shift
    and date_diff('millisecond', ends.silent_since, coalesce(ends.cleared_at, clocks.ended_at))
    >= {{ contract_rules()['zombie_silence_ms'] }} + case when ends.cleared_at is null then 0 else 1 end
