"""What a completed trip costs."""

from typing import Protocol

from sim.domain.tariff import Settlement, Tariff, fare_minor, settle


class PricingPolicy(Protocol):
    """Prices one trip."""

    def price(self, distance_mm: int, duration_ms: int, surge_multiplier: float) -> Settlement:
        """Return fare, fee and payout in centavos."""


class TariffPricing:
    """The price list, times the surge that the rider was shown at the request."""

    def __init__(self, tariff: Tariff) -> None:
        self._tariff = tariff

    def price(self, distance_mm: int, duration_ms: int, surge_multiplier: float) -> Settlement:
        """Return fare, fee and payout in centavos."""
        tenths = round(surge_multiplier * 10)
        return settle(self._tariff, fare_minor(self._tariff, distance_mm, duration_ms, tenths))
