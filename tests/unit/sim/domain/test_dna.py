import msgspec
import numpy as np
import pytest

from contracts.events import DriverDna, PaymentMethod, RiderDna
from sim.domain.dna import PAYMENT_SHARES, draw_driver, draw_payment_method, draw_rider

COUNT = 4000
NIGHT_OWLS = tuple(1.0 if hour in (21, 22) else 0.0 for hour in range(24))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_drivers_fit_the_contract_and_the_documented_means(rng):
    drivers = [draw_driver(rng, NIGHT_OWLS) for _ in range(COUNT)]
    for driver in drivers:
        msgspec.json.decode(msgspec.json.encode(driver), type=DriverDna)
    assert {d.shift_start_hour for d in drivers} == {21, 22}
    assert np.mean([d.acceptance_ratio for d in drivers]) == pytest.approx(18 / 21, abs=0.01)
    assert np.mean([d.speed_factor for d in drivers]) == pytest.approx(1.0, abs=0.01)
    assert min(d.gps_noise_m for d in drivers) >= 1.5


def test_riders_fit_the_contract_and_the_documented_means(rng):
    riders = [draw_rider(rng, 3, 7) for _ in range(COUNT)]
    for rider in riders:
        msgspec.json.decode(msgspec.json.encode(rider), type=RiderDna)
    assert np.median([r.patience_s for r in riders]) == pytest.approx(300, rel=0.05)
    assert np.mean([r.cancel_ratio for r in riders]) == pytest.approx(0.05, abs=0.005)
    assert all(90 <= r.patience_s <= 900 for r in riders)


def test_payment_methods_come_by_their_shares(rng):
    drawn = [draw_payment_method(rng) for _ in range(COUNT)]
    assert sum(share for _, share in PAYMENT_SHARES) == pytest.approx(1)
    assert {method for method, _ in PAYMENT_SHARES} == set(PaymentMethod)
    for method, share in PAYMENT_SHARES:
        assert drawn.count(method) / COUNT == pytest.approx(share, abs=0.03)
