"""Laws of the surge rule and of distances."""

import math

from hypothesis import given
from hypothesis import strategies as st

from contracts import rules

RATIOS = st.floats(0, 1e6)
COUNTS = st.integers(0, 10_000)
LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
POINTS = st.tuples(LATITUDES, LONGITUDES)


@given(smoothed=RATIOS)
def test_a_multiplier_is_a_tenth_between_one_and_the_cap(smoothed: float) -> None:
    found = rules.surge_multiplier(smoothed)
    assert 1.0 <= found <= rules.SURGE_CAP
    assert found == round(found, 1)


@given(one=RATIOS, other=RATIOS)
def test_more_demand_never_lowers_the_multiplier(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert rules.surge_multiplier(low) <= rules.surge_multiplier(high)


@given(smoothed=st.floats(0, 4.9))
def test_the_multiplier_is_the_nearest_tenth_of_the_line(smoothed: float) -> None:
    line = 1.0 + rules.SURGE_SLOPE * max(0.0, smoothed - 1.0)
    assert abs(rules.surge_multiplier(smoothed) - line) <= 0.05 + 1e-8


@given(tenths=st.integers(0, 19))
def test_ties_round_half_up(tenths: int) -> None:
    tie = round(1.1 + tenths * 0.2, 1)
    assert rules.surge_multiplier(tie) == round(1.1 + tenths * 0.1, 1)


@given(open_requests=COUNTS, idle_drivers=COUNTS)
def test_a_ratio_grows_with_demand_and_falls_with_supply(
    open_requests: int, idle_drivers: int
) -> None:
    found = rules.surge_ratio(open_requests, idle_drivers)
    assert found >= 0
    assert rules.surge_ratio(open_requests + 1, idle_drivers) > found
    assert rules.surge_ratio(open_requests, idle_drivers + 1) <= found


@given(ratios=st.lists(st.fractions(0, 100, max_denominator=50), max_size=30), data=st.data())
def test_smoothing_does_not_depend_on_the_order_of_the_samples(
    ratios: list[float], data: st.DataObject
) -> None:
    samples = [float(ratio) for ratio in ratios]
    shuffled = data.draw(st.permutations(samples))
    one, other = rules.smoothed_ratio(samples), rules.smoothed_ratio(shuffled)
    assert math.isclose(one, other, abs_tol=1.01e-9)
    assert rules.smoothed_ratio([*samples, 0.0][:30]) == one


@given(one=POINTS, other=POINTS)
def test_distance_is_symmetric_and_at_most_half_the_earth(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    there = rules.great_circle_m(*one, *other)
    assert there == rules.great_circle_m(*other, *one)
    assert 0 <= there <= math.pi * rules.EARTH_RADIUS_M * (1 + 1e-12)
    assert rules.great_circle_m(*one, *one) == 0


@given(one=POINTS, other=POINTS, third=POINTS)
def test_a_detour_is_never_shorter(
    one: tuple[float, float], other: tuple[float, float], third: tuple[float, float]
) -> None:
    direct = rules.great_circle_m(*one, *other)
    detour = rules.great_circle_m(*one, *third) + rules.great_circle_m(*third, *other)
    assert direct <= detour + 0.5  # metres: asin near antipodes loses digits


@given(distance_m=st.floats(0, 1e7), elapsed_ms=st.integers(1, 10**9))
def test_more_time_never_means_more_speed(distance_m: float, elapsed_ms: int) -> None:
    found = rules.speed_kmh(distance_m, elapsed_ms)
    assert rules.speed_kmh(distance_m, elapsed_ms + 1) <= found
