{{ config(properties={'partitioning': "array['month(hour_start)']"}) }}

-- Built anew each time: it reads one row per trip, and an hour that a late event touches is repaired by construction,
-- also when the event moves a trip from one hour to another.
select
    pickup_zone_id as zone_id,
    requested_hour as hour_start,
    currency,
    count(*) as request_count,
    count_if(state = 'COMPLETED') as completed_count,
    count_if(state = 'CANCELLED') as cancelled_count,
    count_if(not is_final) as open_count,
    avg(surge_multiplier) as mean_surge_multiplier,
    coalesce({{ integer_sum('fare_minor') }}, 0) as revenue_minor
from {{ ref('fact_trips') }}
group by pickup_zone_id, requested_hour, currency
