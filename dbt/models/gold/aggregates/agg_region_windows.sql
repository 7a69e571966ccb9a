-- What the stream's region_windows would say had no record been late: the same windows, averages and percentiles.
-- But the stream has one row per region and window and takes its trips to be of one currency; here each has its own.
select
    region_id,
    window_start,
    window_start + interval '1' second * {{ contract_rules()['region_window_ms'] // 1000 }} as window_end,
    count(*) as trip_count,
    avg(cast(fare_minor as double)) as average_fare_minor,
    sum(distance_m) as total_distance_m,
    avg(duration_s) as average_duration_s,
    {{ percentile('duration_s', 0.5) }} as p50_duration_s,
    {{ percentile('duration_s', 0.95) }} as p95_duration_s,
    {{ percentile('duration_s', 0.99) }} as p99_duration_s,
    currency
from {{ ref('fact_taxi_trips') }}
group by region_id, window_start, currency
