"""Sums of a driver's window and what they add up to."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules import leg_m
from contracts.zones import zone_at
from flink_jobs.logic.driver_parts import parts_of, percentile
from flink_jobs.logic.ping_windows import Ping

CENTRE = (-23.55, -46.63)


def ping(
    at_ms: int, north_deg: float = 0.0, status: str = "available", speed: float = 30.0
) -> Ping:
    return Ping(at_ms, CENTRE[0] + north_deg, CENTRE[1], 8.0, speed, status, f"{at_ms}")


def test_a_leg_counts_where_it_ends_and_zones_add_up_to_the_driver() -> None:
    before, *pings = (ping(at * 4000, at / 500) for at in range(12))
    whole, *zones = parts_of("d1", pings, before)
    assert whole[:3] == ("driver", "d1", 11)
    assert len(zones) > 1
    assert {int(part[1]) for part in zones} == {zone_at(p.lat, p.lon) for p in pings}
    for column in range(2, 6):
        assert sum(part[column] for part in zones) == whole[column]  # type: ignore[misc]
    metres = [
        leg_m(one.lat, one.lon, other.lat, other.lon, 4000)
        for one, other in zip([before, *pings], pings, strict=False)
    ]
    assert whole[3] == pytest.approx(sum(metres) * 1e6, abs=11)


def test_no_leg_without_a_ping_before_and_none_over_a_gap() -> None:
    (whole, *_) = parts_of("d1", [ping(0), ping(200_000, 0.01, status="on_trip")], None)
    assert whole[3] == 0
    assert whole[5] == 1, "one of two was idle"


def test_outside_all_zones_there_is_no_part_of_a_zone() -> None:
    at_sea = ping(0)._replace(lat=-30.0, lon=-30.0)
    assert [part[0] for part in parts_of("d1", [at_sea], None)] == ["driver"]
    assert list(parts_of("d1", [], None)) == []


@given(st.lists(st.floats(0, 300), min_size=2))
def test_percentile_is_that_of_the_standard_library(values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    assert percentile(values, 0.95) == pytest.approx(cuts[-1])


def test_percentile_of_one_and_of_none() -> None:
    assert percentile([7.0], 0.95) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.95)
