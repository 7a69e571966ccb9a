"""A million trips: no illegal transition, no centavo lost, nobody in two places.

    python -m tests.bench.sim_soak [--trips 1000000] [--processes 2] [--folder FOLDER]

Cities with different seeds and policies, 25,000 trips each, until they have made the trips
together. Each event is checked as it comes; the first that breaks a law ends the soak with its
content. Cities that have passed are kept in the folder, so a soak that was stopped goes on where
it was, as long as the simulator is the same.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import count, product
from multiprocessing import get_context
from pathlib import Path

import msgspec

import sim
from contracts.domain import Topic
from contracts.events import DriverStatusEvent, Envelope, Payment, TripEvent, TripState
from sim.control import scenarios
from sim.domain.trip import FINAL_STATES, TRANSITIONS
from sim.engine.simulation import Simulation
from sim.publishing.run import derived_run_id

STEPS = {(state, following) for (state, _), following in TRANSITIONS.items()}
HOUR_MS = 3_600_000
CITY_TRIPS = 25_000


@dataclass(slots=True)
class Checker:
    """Takes every event of a city and holds it against the laws."""

    trips: int = 0
    transitions: int = 0
    completed: int = 0
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
        self.transitions += 1
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
            self.completed += 1
            self.fare_minor += event.fare_minor
            self.unpaid[event.trip_id] = event.fare_minor


class Passed(msgspec.Struct, frozen=True):
    """A city that kept every law."""

    seed: int
    policies: dict[str, str]
    trips: int
    completed: int
    transitions: int
    paid_minor: int
    took_s: float


def soak(seed: int, policies: dict[str, str], trips: int) -> Passed:
    """Live one city until it has made so many trips and none is under way."""
    scenario = scenarios.named(
        "weekday",
        {
            "seed": seed,
            "policies": policies,
            "agents": {"drivers": 3000, "riders": 30_000},
            "demand": {"peak_requests_per_hour": 3300},
        },
    )
    began_s = time.process_time()
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
    took_s = round(time.process_time() - began_s, 1)
    return Passed(
        seed,
        policies,
        checker.trips,
        checker.completed,
        checker.transitions,
        checker.paid_minor,
        took_s,
    )


def cities() -> Iterator[tuple[int, dict[str, str]]]:
    """Yield seeds with every combination of matching, surge and repositioning, again and again."""
    names = ("matching", "surge", "repositioning")
    values = (("batched", "nearest"), ("model", "flat"), ("surge_pull", "zone_pull"))
    variants = [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]
    for seed in count(1):
        yield seed, variants[seed % len(variants)]


def fingerprint() -> str:
    """Return a hash of the simulator's sources: what another one has passed counts for nothing."""
    folder = Path(sim.__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.yaml")]):
        if "replay" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def main(arguments: list[str] | None = None) -> None:
    """Soak and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trips", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(".farol/soak-sim"))
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / f"{fingerprint()}.jsonl"
    passed = [
        msgspec.json.decode(line, type=Passed)
        for line in (path.read_bytes().splitlines() if path.exists() else ())
    ]
    known = {city.seed for city in passed}
    if passed:
        sys.stdout.write(f"{len(passed)} cities have passed before: {path}\n")
    open_cities = (city for city in cities() if city[0] not in known)
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        while (total := sum(city.trips for city in passed)) < given.trips:
            wanted = -(-(given.trips - total) // CITY_TRIPS)
            batch = [next(open_cities) for _ in range(min(wanted, given.processes))]
            for done in as_completed([pool.submit(soak, *city, CITY_TRIPS) for city in batch]):
                city = done.result()
                passed.append(city)
                with path.open("ab") as file:
                    file.write(msgspec.json.encode(city) + b"\n")
                sys.stdout.write(
                    f"seed {city.seed}: {city.trips:,} trips, {city.completed:,} completed,"
                    f" {city.transitions:,} transitions,"
                    f" {city.paid_minor:,} centavos, {city.took_s:g} CPU s: {city.policies}\n"
                )
                sys.stdout.flush()
    sys.stdout.write(
        f"soak passed: {sum(c.trips for c in passed):,} trips in {len(passed)} cities,"
        f" {sum(c.completed for c in passed):,} completed,"
        f" {sum(c.transitions for c in passed):,} transitions, none illegal,"
        f" {sum(c.paid_minor for c in passed):,} centavos paid, none lost,"
        f" {sum(c.took_s for c in passed):.0f} CPU s\n"
    )


if __name__ == "__main__":
    main()
