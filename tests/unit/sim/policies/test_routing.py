from itertools import pairwise

import pytest

from contracts.zones import ZONES, zone_at
from sim.domain.geometry import offset
from sim.policies.routing import MAX_POINTS, GridRouting, StraightRouting, zone_speed_ratios

SE = (-23.5505, -46.6333)
FAR = offset(*SE, -4000, -3000)


def test_straight_counts_the_detour():
    route = StraightRouting(1.3).route(SE, FAR, 30.0)
    assert route.points == (SE, FAR)
    assert route.distance_mm == pytest.approx(5_000_000 * 1.3, rel=1e-4)
    assert route.duration_ms == pytest.approx(6500 / 30 * 3600, rel=1e-3)


def test_grid_goes_along_streets_and_is_as_long_as_its_legs():
    route = GridRouting().route(SE, FAR, 30.0)
    assert route.points[0] == SE
    assert route.points[-1] == FAR
    assert len(route.points) <= MAX_POINTS
    for a, b in pairwise(route.points):
        assert a[0] == b[0] or a[1] == b[1]
    assert list(route.at_ms) == sorted(set(route.at_ms))
    assert route.distance_mm == pytest.approx(7_000_000, rel=1e-4)


@pytest.mark.parametrize("routing", [GridRouting(), StraightRouting(1.3)])
def test_a_way_to_where_one_is_takes_no_time(routing):
    route = routing.route(SE, SE, 30.0)
    assert route.duration_ms == 0
    assert route.points == (SE,)


@pytest.mark.parametrize("routing", [GridRouting(), StraightRouting(1.0)])
def test_the_smallest_step_still_arrives(routing):
    end = (SE[0] + 1e-7, SE[1])
    route = routing.route(SE, end, 60.0)
    assert route.points[-1] == end
    assert route.duration_ms >= 1


def test_a_step_shorter_than_a_millisecond_still_arrives():
    end = (SE[0] + 1e-7, SE[1])
    route = StraightRouting(1.0).route(SE, end, 10_000.0)
    assert route.points == (SE, end)
    assert route.at_ms == (0, 1)


def test_grid_takes_the_variant_that_stays_inside_the_city():
    def outside(points):
        return sum(
            zone_at(a[0] + (b[0] - a[0]) * step / 20, a[1] + (b[1] - a[1]) * step / 20) is None
            for a, b in pairwise(points)
            for step in range(21)
        )

    # From the northern edge the two staircases differ: one goes round outside the city.
    checked = 0
    for origin in sorted(ZONES, key=lambda zone: zone.lat)[-8:]:
        for target in ZONES[::5]:
            start, end = (origin.lat, origin.lon), (target.lat, target.lon)
            taken = GridRouting().route(start, end, 30.0).points
            mirrored = tuple(
                (start[0] + end[0] - lat, start[1] + end[1] - lon) for lat, lon in reversed(taken)
            )
            difference = outside(mirrored) - outside(taken)
            if abs(difference) > 15:
                checked += 1
                assert difference > 0
    assert checked > 5


def test_traffic_is_slower_towards_the_centre():
    ratios = zone_speed_ratios(0.6, SE)
    assert ratios[78] < 0.65
    assert ratios[7] < ratios[62] < ratios[36]
    assert ratios[36] > 0.99
    ways = [(SE, offset(*SE, 1000, 1000)), ((-23.5037, -46.3867), (-23.5137, -46.3967))]
    slowed = []
    for start, end in ways:
        fast = GridRouting().route(start, end, 30.0)
        slow = GridRouting(ratios).route(start, end, 30.0)
        assert slow.points == fast.points
        assert slow.distance_mm == fast.distance_mm
        slowed.append(slow.duration_ms / fast.duration_ms)
    assert 1.3 < slowed[0] < 1.7
    assert 1.0 <= slowed[1] < 1.02
