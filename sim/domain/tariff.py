"""What a trip costs and who gets it, in centavos.

Integer arithmetic only: no centavo appears or is lost.
"""

from typing import Annotated, Final

import msgspec

_MM_PER_KM: Final = 1_000_000
_MS_PER_MINUTE: Final = 60_000
_COMMON: Final = 3_000_000  # least common multiple of the two
_PER_MILLE: Final = 1000

Centavos = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Tariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Price list of the platform. Defaults resemble an economy ride in São Paulo."""

    base_minor: Centavos = 350
    per_km_minor: Centavos = 165
    per_minute_minor: Centavos = 32
    minimum_minor: Centavos = 800
    platform_fee_per_mille: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 250


class Settlement(msgspec.Struct, frozen=True):
    """How a fare is divided: `fare_minor == fee_minor + payout_minor`, always."""

    fare_minor: int
    fee_minor: int
    payout_minor: int


def _divide_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def fare_minor(tariff: Tariff, distance_mm: int, duration_ms: int, surge_tenths: int) -> int:
    """Return the fare: (base + distance + time) times the surge, rounded half up.

    It is at least the minimum.

    Args:
        tariff: The price list.
        distance_mm: Length of the trip in millimetres.
        duration_ms: Duration of the trip in milliseconds.
        surge_tenths: Surge multiplier in tenths, 10 is no surge.

    Raises:
        ValueError: A length is negative or the multiplier is below 1.
    """
    if distance_mm < 0 or duration_ms < 0 or surge_tenths < 10:
        raise ValueError(f"impossible trip: {distance_mm=}, {duration_ms=}, {surge_tenths=}")
    scaled = (
        tariff.base_minor * _COMMON
        + tariff.per_km_minor * distance_mm * (_COMMON // _MM_PER_KM)
        + tariff.per_minute_minor * duration_ms * (_COMMON // _MS_PER_MINUTE)
    )
    return max(tariff.minimum_minor, _divide_half_up(scaled * surge_tenths, _COMMON * 10))


def settle(tariff: Tariff, fare: int) -> Settlement:
    """Return the platform's fee, rounded half up, and the rest as the driver's payout.

    Raises:
        ValueError: The fare is negative.
    """
    if fare < 0:
        raise ValueError(f"a fare cannot be negative: {fare}")
    fee = _divide_half_up(fare * tariff.platform_fee_per_mille, _PER_MILLE)
    return Settlement(fare_minor=fare, fee_minor=fee, payout_minor=fare - fee)
