"""Small random cities keep the laws, and matching never gives a driver away twice."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import TripState
from sim.control import scenarios
from sim.domain.geometry import offset
from sim.engine.simulation import Simulation
from sim.policies.matching import DriverIndex, NearestMatching, index_cell

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"
SE = (-23.5505, -46.6333)
shares = st.sampled_from([0.0, 0.1, 0.6])
cities = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "agents": st.fixed_dictionaries(
            {"drivers": st.integers(1, 25), "riders": st.integers(1, 60)}
        ),
        "demand": st.fixed_dictionaries({"peak_requests_per_hour": st.integers(20, 400)}),
        "policies": st.fixed_dictionaries(
            {
                "matching": st.sampled_from(["nearest", "batched"]),
                "surge": st.sampled_from(["model", "flat"]),
                "routing": st.sampled_from(["grid", "straight"]),
                "repositioning": st.sampled_from(["zone_pull", "surge_pull", "stay"]),
            }
        ),
        "trips": st.fixed_dictionaries(
            {
                "offer_ignored_share": shares,
                "driver_cancel_share": shares,
                "no_show_share": shares,
                "search_rings": st.integers(0, 5),
            }
        ),
    }
)


class Sink:
    def __init__(self):
        self.trips = defaultdict(list)
        self.newest = {}
        self.payments = []

    def emit(self, topic, key, event, event_time_ms):
        assert event_time_ms > self.newest.get((topic, key), 0)
        self.newest[topic, key] = event_time_ms
        if topic.entity == "trips":
            self.trips[key].append((event_time_ms, event))
        elif topic.entity == "payments":
            self.payments.append(event)


@settings(max_examples=12, deadline=None)
@given(cities, st.integers(5, 40), st.booleans())
def test_any_city_keeps_the_laws(overrides, minutes, is_cut_short):
    scenario = scenarios.named("small", overrides)
    sink = Sink()
    simulation = Simulation(scenario, RUN, sink)
    simulation.step(scenario.start_ms + minutes * 60_000)
    simulation.stop_requests()
    if is_cut_short:
        simulation.end_trips_now()
    while simulation.trips_in_flight:
        simulation.step(simulation.now_ms + 60_000)
    held = []
    for changes in sink.trips.values():
        states = [event.state for _, event in changes]
        assert states[-1] in (TripState.COMPLETED, TripState.CANCELLED)
        assert sum(s in (TripState.COMPLETED, TripState.CANCELLED) for s in states) == 1
        matched = [at for at, event in changes if event.state is TripState.MATCHED]
        assert len(matched) <= 1
        if matched:
            held.append((changes[-1][1].driver_id, matched[0], changes[-1][0]))
    held.sort()
    for (driver, _, ended_ms), (following, began_ms, _) in pairwise(held):
        assert driver != following or ended_ms < began_ms
    for payment in sink.payments:
        assert payment.fare_minor == payment.fee_minor + payment.payout_minor


points = st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000))


@settings(max_examples=50, deadline=None)
@given(st.lists(points, min_size=1, max_size=20), st.lists(points, min_size=1, max_size=20))
def test_offers_one_after_another_never_reuse_a_driver(cars, riders):
    where = {number: offset(*SE, *car) for number, car in enumerate(cars)}
    index = DriverIndex()
    for number, point in where.items():
        index.put(number, index_cell(*point))

    def locate(drivers):
        chosen = [where[d] for d in drivers]
        return np.array([p[0] for p in chosen]), np.array([p[1] for p in chosen])

    taken = []
    for rider in riders:
        driver = NearestMatching(10).choose(*offset(*SE, *rider), index, locate, np.ones_like, ())
        if driver is not None:
            index.remove(driver)
            taken.append(driver)
    assert len(taken) == len(set(taken)) == min(len(cars), len(riders))
