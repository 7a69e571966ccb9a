"""A million trips: no illegal transition, no centavo lost, nobody in two places.

    python -m tests.bench.sim_soak [--trips 1000000] [--processes 2]

Cities with different seeds and policies run side by side until they have made the trips together.
Each event is checked as it comes; the first that breaks a law ends the soak with its content.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from multiprocessing import get_context

from contracts.domain import Topic
from contracts.events import DriverStatusEvent, Envelope, Payment, TripEvent, TripState
from sim.control import scenarios
from sim.domain.trip import FINAL_STATES, TRANSITIONS
from sim.engine.simulation import Simulation
from sim.publishing.run import derived_run_id

STEPS = {(state, following) for (state, _), following in TRANSITIONS.items()}
HOUR_MS = 3_600_000


@dataclass(slots=True)
class Checker:
    """Takes every event of a city and holds it against the laws."""

    trips: int = 0
    fare_minor: int = 0
    paid_minor: int = 0
    states: dict[str, TripState] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    unpaid: dict[str, int] = field(default_factory=dict)

    def emit(self, topic: Topic, key: str, event: Envelope, event_time_ms: int) -> None:
        """Check one event.

        Raises:
            AssertionError: It breaks a law.
        """
        if isinstance(event, TripEvent):
            self._trip(event)
        elif isinstance(event, Payment):
            assert event.fare_minor == event.fee_minor + event.payout_minor, event
            assert event.fare_minor == self.unpaid.pop(event.trip_id), event
            assert min(event.fee_minor, event.payout_minor, event.tip_minor) >= 0, event
            self.paid_minor += event.fee_minor + event.payout_minor
        elif isinstance(event, DriverStatusEvent):
            before = self.statuses.get(event.driver_id, "offline")
            assert event.previous_status == before, event
            self.statuses[event.driver_id] = event.status

    def _trip(self, event: TripEvent) -> None:
        known = self.states.get(event.trip_id)
        assert event.previous_state is known, event
        if known is None:
            assert event.state is TripState.REQUESTED, event
            self.trips += 1
        else:
            assert (known, event.state) in STEPS, event
        if event.state is TripState.MATCHED:
            assert event.driver_id is not None, event
            assert event.driver_id not in self.held, event
            self.held[event.driver_id] = event.trip_id
        self.states[event.trip_id] = event.state
        if event.state in FINAL_STATES:
            del self.states[event.trip_id]
            if event.driver_id is not None and self.held.get(event.driver_id) == event.trip_id:
                del self.held[event.driver_id]
        if event.state is TripState.COMPLETED:
            assert event.fare_minor is not None, event
            self.fare_minor += event.fare_minor
            self.unpaid[event.trip_id] = event.fare_minor


def soak(seed: int, policies: dict[str, str], trips: int) -> tuple[int, int]:
    """Live one city until it has made so many trips and return them and the centavos paid."""
    scenario = scenarios.named(
        "weekday",
        {
            "seed": seed,
            "policies": policies,
            "agents": {"drivers": 3000, "riders": 30_000},
            "demand": {"peak_requests_per_hour": 6000},
        },
    )
    checker = Checker()
    simulation = Simulation(scenario, derived_run_id(scenario), checker)
    while checker.trips < trips:
        simulation.step(simulation.now_ms + HOUR_MS // 6)
    simulation.stop_requests()
    while simulation.trips_in_flight:
        simulation.step(simulation.now_ms + HOUR_MS // 60)
    assert not checker.states, f"trips without an end: {list(checker.states)[:3]}"
    assert not checker.held, f"drivers who still hold a trip: {checker.held}"
    assert not checker.unpaid, f"completed trips without payment: {list(checker.unpaid)[:3]}"
    assert checker.fare_minor == checker.paid_minor, (checker.fare_minor, checker.paid_minor)
    return checker.trips, checker.paid_minor


def cities() -> Iterator[dict[str, str]]:
    """Yield every combination of matching, surge and repositioning."""
    for matching, surge, repositioning in product(
        ("batched", "nearest"), ("model", "flat"), ("surge_pull", "zone_pull")
    ):
        yield {"matching": matching, "surge": surge, "repositioning": repositioning}


def main(arguments: list[str] | None = None) -> None:
    """Soak and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trips", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    variants = list(cities())
    share = -(-given.trips // len(variants))
    began_s, total, paid = time.monotonic(), 0, 0
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        futures = [
            (policies, pool.submit(soak, seed, policies, share))
            for seed, policies in enumerate(variants, start=1)
        ]
        for policies, future in futures:
            trips, minor = future.result()
            total, paid = total + trips, paid + minor
            sys.stdout.write(f"{trips:,} trips, {minor:,} centavos: {policies}\n")
            sys.stdout.flush()
    took_s = time.monotonic() - began_s
    sys.stdout.write(
        f"soak passed: {total:,} trips, {paid:,} centavos paid, none lost, {took_s:.0f} s\n"
    )


if __name__ == "__main__":
    main()
