"""What the simulator says about itself."""

from enum import StrEnum

import msgspec

from contracts.timestamps import rfc3339
from sim.publishing.run import Run


class State(StrEnum):
    """What the simulator is doing. PAUSED: drained, time stands still, the run can go on or end."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    DRAINING = "DRAINING"
    PAUSED = "PAUSED"
    ENDING = "ENDING"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of `GET /status`. Counts are of the current run, or of the last one while STOPPED."""

    state: State
    run_id: str | None = None
    scenario: str | None = None
    seed: int | None = None
    sim_time: str | None = None
    sim_elapsed_s: float = 0.0
    speed_ratio: float = 0.0
    lag_s: float = 0.0
    events_per_s: float = 0.0
    records_total: int = 0
    produced: dict[str, dict[str, int]] = {}
    trips: dict[str, int] = {}
    trips_in_flight: int = 0
    trips_started_total: int = 0
    active_drivers: int = 0
    drivers: dict[str, int] = {}
    surge_zones: int = 0
    ledger: str | None = None
    is_ended: bool = False
    problem: str | None = None
    error: str | None = None
    unfinished_runs: list[str] = []


def describe(run: Run, state: State, *, lag_s: float, events_per_s: float, speed: float) -> Status:
    """Return the status of a run as it is now; call it in the thread that moves the run."""
    city = run.simulation.city
    produced: dict[str, dict[str, int]] = {}
    for (topic, kind), records in sorted(run.publisher.produced.items()):
        produced.setdefault(topic, {})[kind] = records
    drivers: dict[str, int] = {}
    for driver in city.drivers:
        drivers[driver.status.value] = drivers.get(driver.status.value, 0) + 1
    trips = {state.value: count for state, count in run.simulation.trips_by_state().items()}
    return Status(
        state=state,
        run_id=run.run_id,
        scenario=run.scenario.name,
        seed=run.scenario.seed,
        sim_time=rfc3339(run.now_ms),
        sim_elapsed_s=(run.now_ms - run.scenario.start_ms) / 1000,
        speed_ratio=speed,
        lag_s=round(lag_s, 3),
        events_per_s=round(events_per_s, 1),
        records_total=sum(run.publisher.produced.values()),
        produced=produced,
        trips=trips,
        trips_in_flight=run.simulation.trips_in_flight,
        trips_started_total=sum(trips.values()),
        active_drivers=city.active_drivers,
        drivers=drivers,
        surge_zones=len(city.multipliers),
        ledger=str(run.ledger_path),
    )
