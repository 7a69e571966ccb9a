import msgspec
import numpy as np
import pytest

from sim.domain.dna import draw_driver
from sim.domain.scenario import Demand
from sim.domain.shocks import ShockCalendar
from sim.policies.demand import PoissonGravityDemand
from sim.policies.repositioning import Outlook, Stay, SurgePull, ZonePull

NOW_MS = 1_772_409_600_000


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture
def demand():
    calm = ShockCalendar((), NOW_MS)
    return PoissonGravityDemand(Demand(peak_requests_per_hour=1.0), 0, calm)


@pytest.fixture
def pull(demand):
    return ZonePull(demand)


def _dna(rng, ratio):
    dna = draw_driver(rng, (1.0,) * 24)
    return msgspec.structs.replace(dna, repositioning_ratio=ratio)


def _outlook(zone_id=1, multipliers=()):
    return Outlook(zone_id, 2, NOW_MS, dict(multipliers))


def test_stay_stays(rng):
    assert Stay().target_zone(_dna(rng, 1.0), _outlook(), rng) is None


def test_outside_all_zones_one_goes_home(rng, pull):
    assert pull.target_zone(_dna(rng, 0.0), _outlook(None), rng) == 2


def test_dna_says_how_often(rng, pull):
    assert all(pull.target_zone(_dna(rng, 0.0), _outlook(), rng) is None for _ in range(20))
    assert all(pull.target_zone(_dna(rng, 1.0), _outlook(), rng) is not None for _ in range(20))


def test_surge_pulls_to_what_pays_most_within_reach(rng, demand):
    pull, eager = SurgePull(demand), _dna(rng, 1.0)
    # from Sé (78): Bela Vista (7) and República (66) are near, Itaim Paulista (36) is 25 km away
    assert pull.target_zone(eager, _outlook(78, {7: 1.2, 66: 1.8, 36: 3.0}), rng) == 66
    assert pull.target_zone(eager, _outlook(78, {7: 1.5, 26: 1.5}), rng) == 7


def test_without_surge_it_pulls_like_demand_and_dna_still_says_how_often(rng, demand):
    pull = SurgePull(demand)
    assert pull.target_zone(_dna(rng, 1.0), _outlook(78, {36: 3.0}), rng) is not None
    lazy = _dna(rng, 0.0)
    assert all(pull.target_zone(lazy, _outlook(78, {66: 3.0}), rng) is None for _ in range(20))
    assert pull.target_zone(lazy, _outlook(None, {66: 3.0}), rng) == 2
