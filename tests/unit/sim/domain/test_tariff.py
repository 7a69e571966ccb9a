import msgspec
import pytest

from sim.domain.tariff import Tariff, fare_minor, settle

TARIFF = Tariff()


def test_fare_adds_base_distance_and_time():
    # 3.50 + 10 km * 1.65 + 20 min * 0.32 = 26.40
    assert fare_minor(TARIFF, 10_000_000, 20 * 60_000, 10) == 2640


def test_surge_multiplies_everything():
    assert fare_minor(TARIFF, 10_000_000, 20 * 60_000, 15) == 3960


def test_half_a_centavo_is_rounded_up():
    tariff = Tariff(base_minor=1, per_km_minor=0, per_minute_minor=0, minimum_minor=0)
    assert fare_minor(tariff, 0, 0, 15) == 2
    assert fare_minor(tariff, 0, 0, 14) == 1


def test_minimum_holds():
    assert fare_minor(TARIFF, 0, 0, 10) == TARIFF.minimum_minor


@pytest.mark.parametrize("wrong", [(-1, 0, 10), (0, -1, 10), (0, 0, 9)])
def test_impossible_trips_are_refused(wrong):
    with pytest.raises(ValueError, match="impossible trip"):
        fare_minor(TARIFF, *wrong)


def test_settlement_divides_without_remainder():
    settlement = settle(TARIFF, 1001)
    assert (settlement.fee_minor, settlement.payout_minor) == (250, 751)


def test_negative_fare_is_refused():
    with pytest.raises(ValueError, match="cannot be negative"):
        settle(TARIFF, -1)


def test_unknown_key_is_refused_with_its_name():
    with pytest.raises(msgspec.ValidationError, match="per_mile_minor"):
        msgspec.json.decode(b'{"per_mile_minor": 3}', type=Tariff)
