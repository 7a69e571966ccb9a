"""What makes agents differ, drawn once per agent from documented distributions.

Drivers: acceptance ~ Beta(18, 3) (mean 0.86); speed ~ Normal(1, 0.08) in [0.8, 1.25]; shift starts
by the weights of the scenario, lasts Normal(9, 1.5) h in [5, 12]; service ~ Beta(12, 2);
repositioning ~ Beta(2, 3); GPS noise ~ Gamma(3, 1.5) m in [1.5, 12]; leniency ~ Beta(6, 2).
Riders: patience ~ LogNormal(median 300 s, 0.4) in [90, 900]; surge tolerance ~ 1.2 + Gamma(2, 0.6)
up to 3.5; cancel ratio ~ Beta(2, 38) (mean 5 %); payment card 45 %, pix 35 %, cash 12 %, wallet 8
%; leniency ~ Beta(6, 2).
"""

import math
from typing import Final

import numpy as np

from contracts.events import DriverDna, PaymentMethod, RiderDna

PAYMENT_SHARES: Final[tuple[tuple[PaymentMethod, float], ...]] = (
    (PaymentMethod.CARD, 0.45),
    (PaymentMethod.PIX, 0.35),
    (PaymentMethod.CASH, 0.12),
    (PaymentMethod.WALLET, 0.08),
)


def _within(value: float, low: float, high: float, digits: int = 3) -> float:
    return round(min(max(value, low), high), digits)


def draw_driver(rng: np.random.Generator, shift_start_weights: tuple[float, ...]) -> DriverDna:
    """Return the DNA of one driver.

    Args:
        rng: Generator of this purpose.
        shift_start_weights: 24 weights, one per local hour, not all zero.
    """
    total = sum(shift_start_weights)
    return DriverDna(
        acceptance_ratio=_within(rng.beta(18, 3), 0.0, 1.0),
        speed_factor=_within(rng.normal(1.0, 0.08), 0.8, 1.25),
        shift_start_hour=int(rng.choice(24, p=[w / total for w in shift_start_weights])),
        shift_hours=_within(rng.normal(9.0, 1.5), 5.0, 12.0, 2),
        service_quality=_within(rng.beta(12, 2), 0.0, 1.0),
        repositioning_ratio=_within(rng.beta(2, 3), 0.0, 1.0),
        gps_noise_m=_within(rng.gamma(3.0, 1.5), 1.5, 12.0, 2),
        rating_leniency=_within(rng.beta(6, 2), 0.0, 1.0),
    )


def draw_payment_method(rng: np.random.Generator) -> PaymentMethod:
    """Return a way to pay, by the shares above."""
    shares = [share for _, share in PAYMENT_SHARES]
    return PAYMENT_SHARES[int(rng.choice(len(shares), p=shares))][0]


def draw_rider(rng: np.random.Generator, home_zone_id: int, work_zone_id: int) -> RiderDna:
    """Return the DNA of one rider who lives and works in the given zones."""
    return RiderDna(
        patience_s=_within(300.0 * math.exp(rng.normal(0.0, 0.4)), 90.0, 900.0, 1),
        surge_tolerance=_within(1.2 + rng.gamma(2.0, 0.6), 1.0, 3.5, 1),
        cancel_ratio=_within(rng.beta(2, 38), 0.0, 1.0),
        payment_method=draw_payment_method(rng),
        home_zone_id=home_zone_id,
        work_zone_id=work_zone_id,
        rating_leniency=_within(rng.beta(6, 2), 0.0, 1.0),
    )
