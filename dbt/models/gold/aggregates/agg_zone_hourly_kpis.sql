-- Built anew each time from the newest version of every assembled trip: a trip that is completed after its time-out
-- moves into the figures of the hour in which it began. A job that was started again without its state has written its
-- trips twice, with revisions from 1 again: what is known best counts, then what was written last.
with versions as (
    select
        *,
        row_number() over (
            partition by trip_id
            order by is_complete desc, length(missing), revision desc, _written_at desc
        ) as place
    from {{ source('stream', 'taxi_assembled_trips') }}
),

started as (
    select
        *,
        date_trunc('hour', {{ instant_of_ms('started_at_ms') }}) as hour_start
    from versions
    where place = 1 and region_id is not null and started_at_ms is not null
)

select
    region_id,
    hour_start,
    count(*) as trip_count,
    count_if(is_complete) as complete_count,
    count_if(duration_s is null) as unended_count,
    count_if(fare_minor is null) as unpaid_count,
    currency,
    coalesce({{ integer_sum('fare_minor') }}, 0) as revenue_minor,
    coalesce({{ integer_sum('tip_minor') }}, 0) as tips_minor,
    avg(cast(fare_minor as double)) as mean_fare_minor,
    avg(distance_m) as mean_distance_m,
    avg(duration_s) as mean_duration_s,
    -- Fare over distance of the trips of which both are known.
    sum(case when distance_m > 0 then cast(fare_minor as double) end)
    / nullif(sum(case when fare_minor is not null then distance_m end), 0) * 1000 as fare_minor_per_km,
    sum(distance_m) / nullif(sum(duration_s), 0) * 3.6 as mean_speed_kmh
from started
group by region_id, hour_start, currency
