{{ config(properties={'partitioning': "array['month(hour_start)']"}) }}

-- The multiplier before an hour's first change is what that change says it was; the last one holds to the hour's end.
with changes as (
    select
        *,
        date_trunc('hour', event_time) as hour_start,
        date_trunc('hour', event_time) + interval '1' hour as hour_end
    from {{ ref('stg_surge_updates') }}
),

held as (
    select
        *,
        row_number() over hour_of_zone as place,
        coalesce(lead(event_time) over hour_of_zone, hour_end) as held_until
    from changes
    window hour_of_zone as (partition by run_id, zone_id, hour_start order by event_time, _kafka_offset)
)

select
    run_id,
    zone_id,
    hour_start,
    count(*) as change_count,
    max(case when place = 1 then previous_multiplier end) as opening_multiplier,
    {{ value_at_highest('multiplier', 'place') }} as closing_multiplier,
    least(min(multiplier), max(case when place = 1 then previous_multiplier end)) as lowest_multiplier,
    greatest(max(multiplier), max(case when place = 1 then previous_multiplier end)) as highest_multiplier,
    sum(
        multiplier * date_diff('millisecond', event_time, held_until)
        + case
            when place = 1 then previous_multiplier * date_diff('millisecond', hour_start, event_time)
            else 0
        end
    ) / 3600000.0e0 as mean_multiplier,
    max(open_requests) as most_open_requests,
    min(idle_drivers) as fewest_idle_drivers
from held
group by run_id, zone_id, hour_start
