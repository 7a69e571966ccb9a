import msgspec
import numpy as np
import pytest

from sim.domain.dna import draw_driver
from sim.domain.scenario import Demand
from sim.domain.shocks import ShockCalendar
from sim.policies.demand import PoissonGravityDemand
from sim.policies.repositioning import Stay, ZonePull

NOW_MS = 1_772_409_600_000


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture
def pull():
    return ZonePull(
        PoissonGravityDemand(Demand(peak_requests_per_hour=1.0), 0, ShockCalendar((), NOW_MS))
    )


def _dna(rng, ratio):
    dna = draw_driver(rng, (1.0,) * 24)
    return msgspec.structs.replace(dna, repositioning_ratio=ratio)


def test_stay_stays(rng):
    assert Stay().target_zone(_dna(rng, 1.0), 1, 2, NOW_MS, rng) is None


def test_outside_all_zones_one_goes_home(rng, pull):
    assert pull.target_zone(_dna(rng, 0.0), None, 2, NOW_MS, rng) == 2


def test_dna_says_how_often(rng, pull):
    assert all(pull.target_zone(_dna(rng, 0.0), 1, 2, NOW_MS, rng) is None for _ in range(20))
    assert all(pull.target_zone(_dna(rng, 1.0), 1, 2, NOW_MS, rng) is not None for _ in range(20))
