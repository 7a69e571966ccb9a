-- Purpose: how much of the way from the ping before counts as driven: none of one longer than $leg_limit_ms (ms) or
-- faster than $speed_limit_kmh, as contracts.rules.leg_m says. And the zone of the ping: before the windows, so that
-- drivers and zones share them and one Python operator.
-- Inputs: movements. Output: view legs. Key: (run_id, entity_id). Event time: rowtime, kept. Lateness: none here.
-- Decimals, because a sum of doubles depends on the order of arrival.
create temporary view legs as
select
    *, -- noqa: AM04
    case
        when elapsed_ms <= $leg_limit_ms and distance_m * 3600.0 <= $speed_limit_kmh * elapsed_ms
            then cast(distance_m as decimal(20, 6))
        else cast(0 as decimal(20, 6))
    end as leg_m,
    zone_of(lat, lon) as zone_id
from movements
