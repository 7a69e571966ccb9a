from collections import Counter

import numpy as np
import pytest

from contracts.zones import ZONES
from sim.domain.scenario import Demand
from sim.policies.demand import PoissonGravityDemand, zone_weights

HOUR_MS = 3_600_000
MIDNIGHT_UTC_MS = 1_772_409_600_000


@pytest.fixture
def rng():
    return np.random.default_rng(17)


def _hourly(**weights):
    return tuple(weights.get(f"h{hour}", 0.0) for hour in range(24))


def test_requests_come_at_the_rate_of_the_hour(rng):
    demand = PoissonGravityDemand(Demand(peak_requests_per_hour=3000.0), utc_offset_hours=0)
    now_ms, count = MIDNIGHT_UTC_MS + 8 * HOUR_MS, 0
    while now_ms < MIDNIGHT_UTC_MS + 9 * HOUR_MS:
        now_ms = demand.next_request_ms(now_ms, rng)
        count += 1
    # the weights run from 1.00 at eight to 0.82 at nine; five standard deviations either way
    assert count == pytest.approx(3000 * 0.91, abs=5 * 52)


def test_hours_without_weight_bring_nothing(rng):
    weights = _hourly(h10=1.0)
    demand = PoissonGravityDemand(
        Demand(peak_requests_per_hour=500.0, hourly_weights=weights), utc_offset_hours=-3
    )
    first_ms = demand.next_request_ms(MIDNIGHT_UTC_MS, rng)
    assert MIDNIGHT_UTC_MS + 12 * HOUR_MS < first_ms < MIDNIGHT_UTC_MS + 14 * HOUR_MS
    assert demand.rate_ratio(MIDNIGHT_UTC_MS + 13 * HOUR_MS) == 1.0


def test_times_rise_even_when_requests_crowd(rng):
    demand = PoissonGravityDemand(Demand(peak_requests_per_hour=1e9), utc_offset_hours=0)
    now_ms = MIDNIGHT_UTC_MS
    for _ in range(100):
        following_ms = demand.next_request_ms(now_ms, rng)
        assert following_ms > now_ms
        now_ms = following_ms


def test_pickups_follow_the_weights(rng):
    demand = PoissonGravityDemand(Demand(peak_requests_per_hour=1.0), utc_offset_hours=0)
    count = 20_000
    drawn = Counter(demand.pickup_zone(rng) for _ in range(count))
    weights = zone_weights(9000.0)
    assert sum(weights) == pytest.approx(1)
    for zone, weight in zip(ZONES, weights, strict=True):
        spread = 5 * (count * weight) ** 0.5 + 3
        assert drawn[zone.zone_id] == pytest.approx(count * weight, abs=spread)


def test_dropoffs_are_nearer_than_weights_alone_would_have_them(rng):
    demand = PoissonGravityDemand(Demand(peak_requests_per_hour=1.0), utc_offset_hours=0)
    origin = ZONES[0]

    def mean_away(zone_ids):
        by_id = {zone.zone_id: zone for zone in ZONES}
        away = [abs(by_id[z].lat - origin.lat) + abs(by_id[z].lon - origin.lon) for z in zone_ids]
        return sum(away) / len(away)

    near = mean_away([demand.dropoff_zone(origin.zone_id, rng) for _ in range(2000)])
    anywhere = mean_away([demand.pickup_zone(rng) for _ in range(2000)])
    assert near < 0.8 * anywhere
