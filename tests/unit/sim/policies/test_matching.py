from itertools import permutations

import numpy as np
import pytest

from sim.domain.geometry import distance_m, offset
from sim.policies.matching import (
    ROAD_FACTOR,
    BatchedMatching,
    DriverIndex,
    NearestMatching,
    Request,
    index_cell,
)

SE = (-23.5505, -46.6333)


class Cars:
    """Free drivers at given points."""

    def __init__(self, points):
        self.index = DriverIndex()
        self.points = points
        for driver, point in points.items():
            self.index.put(driver, index_cell(*point))

    def locate(self, drivers):
        points = [self.points[driver] for driver in drivers]
        return np.array([p[0] for p in points]), np.array([p[1] for p in points])

    def pace(self, drivers):
        return np.full(len(drivers), 0.12)

    def match(self, policy, *requests):
        return policy.match(requests, self.index, self.locate, self.pace)

    def choose(self, rings=2, excluded=()):
        return NearestMatching(rings).choose(*SE, self.index, self.locate, self.pace, excluded)


def test_nobody_is_free():
    assert Cars({}).choose() is None


def test_out_of_reach_is_nobody():
    assert Cars({1: offset(*SE, 30_000, 0)}).choose() is None
    assert Cars({1: offset(*SE, 30_000, 0)}).choose(rings=20) == 1


def test_excluded_drivers_are_passed_over():
    cars = Cars({1: offset(*SE, 100, 0), 2: offset(*SE, 200, 0)})
    assert cars.choose() == 1
    assert cars.choose(excluded={1}) == 2
    assert cars.choose(excluded={1, 2}) is None


def test_equal_distances_go_to_the_lower_number():
    point = offset(*SE, 100, 0)
    assert Cars({9: point, 4: point, 7: point}).choose() == 4


@pytest.mark.parametrize("rings", [0, 1, 2, 5])
def test_nobody_nearer_is_overlooked_within_the_searched_rings(rings):
    rng = np.random.default_rng(3)
    for _ in range(30):
        points = {d: offset(*SE, *rng.uniform(-6000, 6000, 2)) for d in range(40)}
        cars = Cars(points)
        chosen = cars.choose(rings=rings)
        same_cell = [d for d in points if index_cell(*points[d]) == index_cell(*SE)]
        if chosen is None:
            assert not same_cell
            continue
        assert all(
            distance_m(*SE, *points[chosen]) <= distance_m(*SE, *points[d]) for d in same_cell
        )


def test_the_next_ring_is_searched_too():
    own = index_cell(*SE)
    steps = [offset(*SE, north, 0) for north in range(0, 4000, 50)]
    neighbour = next(p for p in steps if index_cell(*p) != own)
    back = [offset(*SE, -north, 0) for north in range(0, 4000, 50)]
    inside = [p for p in back if index_cell(*p) == own][-1]
    nearer = min((neighbour, 1), (inside, 2), key=lambda entry: distance_m(*SE, *entry[0]))[1]
    assert Cars({1: neighbour, 2: inside}).choose() == nearer


def test_index_follows_drivers():
    index = DriverIndex()
    index.put(1, 10)
    index.put(1, 10)
    index.put(1, 11)
    index.put(2, 11)
    assert len(index) == 2
    assert 1 in index
    index.remove(1)
    index.remove(1)
    assert 1 not in index
    assert len(index) == 1


def _at(north_m, east_m, excluded=()):
    return Request(*offset(*SE, north_m, east_m), excluded)


def test_batched_serves_both_where_nearest_first_would_leave_one_far_away():
    # one street: rider a at 0, rider b at 400 m; cars at -900 m and at 200 m
    cars = Cars({1: offset(*SE, 0, -900), 2: offset(*SE, 0, 200)})
    riders = (_at(0, 0), _at(0, 400))
    assert cars.match(NearestMatching(2), *riders) == [2, 1]
    assert cars.match(BatchedMatching(2, 4.0), *riders) == [1, 2]


def test_batched_cost_is_the_time_to_pick_up_not_the_distance():
    cars = Cars({1: offset(*SE, 100, 0), 2: offset(*SE, 200, 0)})
    slow_first = lambda drivers: np.array([1.0 if d == 1 else 0.1 for d in drivers])  # noqa: E731
    policy = BatchedMatching(2, 4.0)
    assert policy.match((_at(0, 0),), cars.index, cars.locate, slow_first) == [2]


def test_batched_passes_over_the_excluded_and_those_out_of_reach():
    policy = BatchedMatching(1, 4.0)
    cars = Cars({1: offset(*SE, 100, 0), 2: offset(*SE, 30_000, 0)})
    assert cars.match(policy, _at(0, 0), _at(0, 50)) in ([1, None], [None, 1])
    assert cars.match(policy, _at(0, 0, {1})) == [None]
    assert Cars({}).match(policy, _at(0, 0)) == [None]


def test_batched_finds_the_least_sum_of_all_assignments():
    rng = np.random.default_rng(5)
    for _ in range(20):
        points = {d: offset(*SE, *rng.uniform(-2000, 2000, 2)) for d in range(5)}
        cars = Cars(points)
        riders = [_at(*rng.uniform(-2000, 2000, 2)) for _ in range(4)]
        chosen = cars.match(BatchedMatching(6, 4.0), *riders)
        assert len(set(chosen)) == 4

        def cost(drivers, riders=riders, points=points):
            away = [
                distance_m(r.lat, r.lon, *points[d]) for r, d in zip(riders, drivers, strict=True)
            ]
            return sum(round(metres * 0.12 * ROAD_FACTOR * 1000) for metres in away)

        assert cost(chosen) <= min(cost(order) for order in permutations(points, 4)) + 4


@pytest.mark.parametrize(
    "policy",
    [NearestMatching(6, 300.0), BatchedMatching(6, 4.0, 300.0)],
    ids=["nearest", "batched"],
)
def test_who_would_arrive_too_late_gets_no_offer(policy):
    # at 0.12 s/m and 1.3 m of road per metre, 300 s are 1,923 m
    near, far = offset(*SE, 1900, 0), offset(*SE, 1950, 0)
    assert Cars({1: near}).match(policy, _at(0, 0)) == [1]
    assert Cars({1: far}).match(policy, _at(0, 0)) == [None]
    assert Cars({1: far, 2: near}).match(policy, _at(0, 0)) == [2]
