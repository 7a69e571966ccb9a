-- Purpose: how far and how long it is from the ping before. Inputs: consecutive_pings. Output: view movements.
-- Key: (run_id, entity_id). Event time: rowtime, kept. Lateness: none here.
-- The haversine formula on the mean radius of the Earth, as contracts.rules.great_circle_m. A first ping has not moved.
create temporary view movements as
select
    *, -- noqa: AM04
    case when is_first then 0 else event_time_ms - previous_event_time_ms end as elapsed_ms,
    case
        when is_first then cast(0.0 as double)
        else
            2.0 * $earth_radius_m * asin(sqrt(least(
                cast(1.0 as double),
                power(sin(radians(lat - previous_lat) / 2.0), 2)
                + cos(radians(previous_lat)) * cos(radians(lat)) * power(sin(radians(lon - previous_lon) / 2.0), 2)
            )))
    end as distance_m
from consecutive_pings
