import math
from collections import Counter

import numpy as np
import pytest

from contracts.zones import ZONES
from sim.domain.geometry import distance_m
from sim.domain.scenario import Demand
from sim.domain.shocks import Shock, ShockCalendar
from sim.policies.demand import PoissonGravityDemand, zone_weights

HOUR_MS = 3_600_000
MIDNIGHT_UTC_MS = 1_772_409_600_000
CALM = ShockCalendar((), MIDNIGHT_UTC_MS)


@pytest.fixture
def rng():
    return np.random.default_rng(17)


def _hourly(**weights):
    return tuple(weights.get(f"h{hour}", 0.0) for hour in range(24))


def test_requests_come_at_the_rate_of_the_hour(rng):
    demand = PoissonGravityDemand(
        Demand(peak_requests_per_hour=3000.0), utc_offset_hours=0, shocks=CALM
    )
    now_ms, count = MIDNIGHT_UTC_MS + 8 * HOUR_MS, 0
    while now_ms < MIDNIGHT_UTC_MS + 9 * HOUR_MS:
        now_ms = demand.next_request_ms(now_ms, rng)
        count += 1
    # the weights run from 1.00 at eight to 0.82 at nine; five standard deviations either way
    assert count == pytest.approx(3000 * 0.91, abs=5 * 52)


def test_hours_without_weight_bring_nothing(rng):
    weights = _hourly(h10=1.0)
    demand = PoissonGravityDemand(
        Demand(peak_requests_per_hour=500.0, hourly_weights=weights),
        utc_offset_hours=-3,
        shocks=CALM,
    )
    first_ms = demand.next_request_ms(MIDNIGHT_UTC_MS, rng)
    assert MIDNIGHT_UTC_MS + 12 * HOUR_MS < first_ms < MIDNIGHT_UTC_MS + 14 * HOUR_MS
    assert demand.rate_ratio(MIDNIGHT_UTC_MS + 13 * HOUR_MS) == pytest.approx(1.0)


def test_times_rise_even_when_requests_crowd(rng):
    demand = PoissonGravityDemand(
        Demand(peak_requests_per_hour=1e9), utc_offset_hours=0, shocks=CALM
    )
    now_ms = MIDNIGHT_UTC_MS
    for _ in range(100):
        following_ms = demand.next_request_ms(now_ms, rng)
        assert following_ms > now_ms
        now_ms = following_ms


def test_pickups_follow_the_weights(rng):
    demand = PoissonGravityDemand(
        Demand(peak_requests_per_hour=1.0), utc_offset_hours=0, shocks=CALM
    )
    count = 20_000
    drawn = Counter(demand.pickup_zone(MIDNIGHT_UTC_MS, rng) for _ in range(count))
    weights = zone_weights(9000.0)
    assert sum(weights) == pytest.approx(1)
    for zone, weight in zip(ZONES, weights, strict=True):
        spread = 5 * (count * weight) ** 0.5 + 3
        assert drawn[zone.zone_id] == pytest.approx(count * weight, abs=spread)


def test_dropoffs_are_nearer_than_weights_alone_would_have_them(rng):
    demand = PoissonGravityDemand(
        Demand(peak_requests_per_hour=1.0), utc_offset_hours=0, shocks=CALM
    )
    origin = ZONES[0]

    def mean_away(zone_ids):
        by_id = {zone.zone_id: zone for zone in ZONES}
        away = [abs(by_id[z].lat - origin.lat) + abs(by_id[z].lon - origin.lon) for z in zone_ids]
        return sum(away) / len(away)

    near = mean_away(
        [demand.dropoff_zone(origin.zone_id, MIDNIGHT_UTC_MS, rng) for _ in range(2000)]
    )
    anywhere = mean_away([demand.pickup_zone(MIDNIGHT_UTC_MS, rng) for _ in range(2000)])
    assert near < 0.8 * anywhere


def _gravity(origin, demand):
    """Return the share of each zone in the dropoffs from one, by the formula of the manual."""
    raw = {
        zone.zone_id: weight
        * math.exp(-distance_m(origin.lat, origin.lon, zone.lat, zone.lon) / demand.gravity_scale_m)
        for zone, weight in zip(ZONES, zone_weights(demand.centre_scale_m), strict=True)
    }
    return {zone_id: value / sum(raw.values()) for zone_id, value in raw.items()}


@pytest.mark.parametrize("zone_id", [78, 30, 36])  # Sé in the middle, the south, the east
@pytest.mark.parametrize("ratio", [1, 12])
def test_dropoffs_follow_gravity_and_what_shocks_add(zone_id, ratio, rng):
    settings = Demand(peak_requests_per_hour=1.0, gravity_scale_m=6000.0)
    favoured = (66, 7, 26)
    shock = Shock(
        name="game",
        kind="event",
        begin_s=3600,
        end_s=7200,
        zone_ids=favoured,
        attraction_ratio=ratio,
    )
    demand = PoissonGravityDemand(settings, 0, ShockCalendar((shock,), MIDNIGHT_UTC_MS))
    shares = _gravity(next(zone for zone in ZONES if zone.zone_id == zone_id), settings)
    count = 20_000
    for at_ms, factor in ((MIDNIGHT_UTC_MS, 1), (MIDNIGHT_UTC_MS + HOUR_MS, ratio)):
        pulled = {z: share * (factor if z in favoured else 1) for z, share in shares.items()}
        drawn = Counter(demand.dropoff_zone(zone_id, at_ms, rng) for _ in range(count))
        for zone, weight in pulled.items():
            expected = count * weight / sum(pulled.values())
            assert drawn[zone] == pytest.approx(expected, abs=5 * expected**0.5 + 3), zone


def _counted(demand, from_ms, hours, rng):
    """Return the number of requests and how many of them began in each zone."""
    now_ms, zones = from_ms, Counter()
    while True:
        now_ms = demand.next_request_ms(now_ms, rng)
        if now_ms >= from_ms + hours * HOUR_MS:
            return zones.total(), zones
        zones[demand.pickup_zone(now_ms, rng)] += 1


def _confidence(expected):
    """Return the half width of the 99.99 % interval of a Poisson count."""
    return 3.9 * expected**0.5 + 1


@pytest.mark.parametrize("hour", [0, 4, 8, 13, 18, 23])
def test_counts_of_every_hour_lie_within_confidence_of_the_integral(hour, rng):
    scenario = Demand(peak_requests_per_hour=2000.0)
    demand = PoissonGravityDemand(scenario, utc_offset_hours=0, shocks=CALM)
    count, _ = _counted(demand, MIDNIGHT_UTC_MS + hour * HOUR_MS, 1, rng)
    weights = scenario.hourly_weights
    expected = 2000 * (weights[hour] + weights[(hour + 1) % 24]) / 2
    assert count == pytest.approx(expected, abs=_confidence(expected))


def test_days_of_the_week_have_their_ratio(rng):
    ratios = (1.0, 0.5, 1.0, 1.0, 1.0, 2.0, 0.0)
    demand = PoissonGravityDemand(
        Demand(peak_requests_per_hour=60.0, hourly_weights=(1.0,) * 24, weekday_ratios=ratios),
        utc_offset_hours=0,
        shocks=CALM,
    )
    for day, ratio in enumerate(ratios):  # the second of March 2026 is a Monday
        count, _ = _counted(demand, MIDNIGHT_UTC_MS + day * 24 * HOUR_MS, 24, rng)
        expected = 60 * 24 * ratio
        assert count == pytest.approx(expected, abs=_confidence(expected) if ratio else 0)


def test_a_shock_adds_requests_where_and_while_it_holds(rng):
    shock = Shock(
        name="show", kind="event", begin_s=3600, end_s=7200, zone_ids=(78,), request_ratio=30
    )
    calendar = ShockCalendar((shock,), MIDNIGHT_UTC_MS)
    scenario = Demand(peak_requests_per_hour=3000.0, hourly_weights=(1.0,) * 24)
    demand = PoissonGravityDemand(scenario, utc_offset_hours=0, shocks=calendar)
    weights = dict(
        zip((zone.zone_id for zone in ZONES), zone_weights(scenario.centre_scale_m), strict=True)
    )
    for hour, ratio in ((0, 1), (1, 30), (2, 1)):
        count, zones = _counted(demand, MIDNIGHT_UTC_MS + hour * HOUR_MS, 1, rng)
        there, elsewhere = 3000 * weights[78] * ratio, 3000 * (1 - weights[78])
        assert zones[78] == pytest.approx(there, abs=_confidence(there))
        assert count - zones[78] == pytest.approx(elsewhere, abs=_confidence(elsewhere))


def test_mornings_begin_at_homes_and_end_in_the_centre(rng):
    shares = (1.0,) * 12 + (0.0,) * 12
    demand = PoissonGravityDemand(
        Demand(
            peak_requests_per_hour=1.0,
            centre_scale_m=3000.0,
            residential_scale_m=15_000.0,
            residential_pickup_share=shares,
            residential_dropoff_share=shares[::-1],
        ),
        utc_offset_hours=0,
        shocks=CALM,
    )
    centre = {7, 49, 66, 78}
    central = {}
    for hour in (8, 20):
        at_ms = MIDNIGHT_UTC_MS + hour * HOUR_MS
        central[hour] = (
            sum(demand.pickup_zone(at_ms, rng) in centre for _ in range(2000)),
            sum(demand.dropoff_zone(26, at_ms, rng) in centre for _ in range(2000)),
        )
    assert central[8][0] < 0.3 * central[20][0]
    assert central[8][1] > 1.3 * central[20][1]
