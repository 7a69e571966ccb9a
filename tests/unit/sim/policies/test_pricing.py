from sim.domain.tariff import Tariff
from sim.policies.pricing import TariffPricing


def test_prices_with_the_surge_shown_to_the_rider():
    settlement = TariffPricing(Tariff()).price(10_000_000, 20 * 60_000, 1.1)
    assert settlement.fare_minor == 2904
    assert settlement.fee_minor + settlement.payout_minor == 2904
