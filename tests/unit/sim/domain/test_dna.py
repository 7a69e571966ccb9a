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
    assert min(d.gps_noise_m for d in drivers) >= 1.5
    means = {
        "acceptance_ratio": (18 / 21, 0.01),
        "speed_factor": (1.0, 0.01),
        "shift_hours": (9.0, 0.15),
        "service_quality": (12 / 14, 0.01),
        "repositioning_ratio": (2 / 5, 0.02),
        "gps_noise_m": (3.0 * 1.5, 0.2),
        "rating_leniency": (6 / 8, 0.02),
    }
    # all traits of a driver, but for the hour above
    assert {"shift_start_hour", *means} == set(DriverDna.__struct_fields__)
    for field, (mean, tolerance) in means.items():
        drawn = np.mean([getattr(driver, field) for driver in drivers])
        assert drawn == pytest.approx(mean, abs=tolerance), field


def test_riders_fit_the_contract_and_the_documented_means(rng):
    riders = [draw_rider(rng, 3, 7) for _ in range(COUNT)]
    for rider in riders:
        msgspec.json.decode(msgspec.json.encode(rider), type=RiderDna)
    assert np.median([r.patience_s for r in riders]) == pytest.approx(300, rel=0.05)
    assert np.mean([r.cancel_ratio for r in riders]) == pytest.approx(0.05, abs=0.005)
    # 1.2 + Gamma(2, 0.6) has a mean of 2.4, and of 2.32 with what lies above 3.5 cut to it
    assert np.mean([r.surge_tolerance for r in riders]) == pytest.approx(2.32, abs=0.05)
    assert np.mean([r.rating_leniency for r in riders]) == pytest.approx(6 / 8, abs=0.02)
    assert {(r.home_zone_id, r.work_zone_id) for r in riders} == {(3, 7)}
    assert all(90 <= r.patience_s <= 900 for r in riders)


def test_payment_methods_come_by_their_shares(rng):
    drawn = [draw_payment_method(rng) for _ in range(COUNT)]
    assert sum(share for _, share in PAYMENT_SHARES) == pytest.approx(1)
    assert {method for method, _ in PAYMENT_SHARES} == set(PaymentMethod)
    for method, share in PAYMENT_SHARES:
        assert drawn.count(method) / COUNT == pytest.approx(share, abs=0.03)
