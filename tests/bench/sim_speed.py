"""How much a city costs: CPU seconds, memory, and the same city written plainly.

    python -m tests.bench.sim_speed [--drivers 1000 3000 ...] [--rounds 3] [--kafka HOST:PORT]

Every measurement is a process of its own: the city is warmed up, then a stretch of simulated time
is measured in CPU seconds (other work on the machine hardly shows in them). Both cities make the
same kinds of events, encode them and hand them over with key and trace; the simulator also
injects faults and keeps its ledger and figures (whose size per record is told). Records go
nowhere, or to Kafka at the end.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from sim.control import scenarios
from sim.domain.scenario import Scenario
from sim.publishing.kafka import KafkaPort
from sim.publishing.memory import MemoryPort
from sim.publishing.port import Port
from sim.publishing.record import Record
from sim.publishing.run import Run, new_run_id
from tests.bench.plain_city import PlainCity

WARM_UP_MS = 240_000
SHORTEST_MS = 60_000


def measured_ms(drivers: int) -> int:
    """Return how long to measure: small cities longer, so that it takes seconds."""
    return SHORTEST_MS * max(1, 10_000 // drivers)


class NowherePort(MemoryPort):
    """Counts records and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0

    def send(self, records: Sequence[Record]) -> None:
        """Count records."""
        self.sent += len(records)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stretch of simulated time cost."""

    drivers: int
    events: int
    cpu_s: float
    wall_s: float
    peak_mib: float
    start_mib: float
    ledger_bytes: float = 0.0
    """Per record of the whole run; the plain city keeps none."""

    @property
    def events_per_cpu_s(self) -> float:
        """Events per CPU second."""
        return self.events / self.cpu_s

    @property
    def events_per_s(self) -> float:
        """Events per second of wall time."""
        return self.events / self.wall_s

    @property
    def cpu_share(self) -> float:
        """CPU seconds per simulated second: 0.1 is ten times real time on one core."""
        return self.cpu_s / (measured_ms(self.drivers) / 1000)


def city(drivers: int) -> Scenario:
    """Return the stress scenario with so many drivers; a crowd at the start makes it busy soon."""
    return scenarios.named(
        "stress_10k",
        {
            "agents": {"drivers": drivers, "riders": drivers * 6},
            "demand": {"peak_requests_per_hour": drivers * 1.6},
            "shocks": [
                {
                    "name": "opening",
                    "kind": "event",
                    "begin_s": 5,
                    "end_s": 120,
                    "request_ratio": 8,
                }
            ],
        },
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def simulator(drivers: int, kafka: str | None = None) -> Cost:
    """Return the cost of the simulator."""
    start_mib = _peak_mib()
    nowhere = NowherePort()
    port: Port = KafkaPort(kafka) if kafka else nowhere
    scenario = city(drivers)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(scenario, new_run_id(), port, Path(folder))
        run.advance(scenario.start_ms + WARM_UP_MS)
        run.publisher.commit()
        before = run.publisher.produced.total()
        cpu_s, wall_s = time.process_time(), time.monotonic()
        run.advance(run.now_ms + measured_ms(drivers))
        run.publisher.commit()
        port.flush()
        cost = Cost(
            drivers,
            run.publisher.produced.total() - before,
            time.process_time() - cpu_s,
            time.monotonic() - wall_s,
            _peak_mib(),
            start_mib,
        )
        run.abandon()
        kept = run.ledger_path.stat().st_size / run.publisher.produced.total()
    return replace(cost, ledger_bytes=kept)


def nowhere(topic: str, key: bytes, value: bytes, trace: bytes) -> None:
    """Take a record of the plain city."""


def plain(drivers: int) -> Cost:
    """Return the cost of the same city written plainly."""
    start_mib = _peak_mib()
    scenario = city(drivers)
    written = PlainCity(scenario, nowhere)
    written.env.run(until=scenario.start_ms + WARM_UP_MS)
    before, cpu_s, wall_s = written.events, time.process_time(), time.monotonic()
    written.env.run(until=scenario.start_ms + WARM_UP_MS + measured_ms(drivers))
    return Cost(
        drivers,
        written.events - before,
        time.process_time() - cpu_s,
        time.monotonic() - wall_s,
        _peak_mib(),
        start_mib,
    )


def median(costs: list[Cost]) -> Cost:
    """Return the measurement with the median CPU time."""
    return sorted(costs, key=lambda cost: cost.cpu_s)[len(costs) // 2]


def _alone(function: object, *arguments: object) -> Cost:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one call of this program found: medians of its rounds."""

    ours: dict[int, Cost]
    """The simulator, by drivers."""
    plain: dict[int, Cost]
    """The plain city, by drivers."""
    ratios: dict[int, float]
    """Events per CPU second of the simulator over those of the plain city, by drivers."""
    into_kafka: Cost | None


def main(arguments: list[str] | None = None) -> Measured:
    """Measure, print and return what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--drivers", type=int, nargs="+", default=[1000, 3000, 10_000, 30_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kafka", help="bootstrap address for the last measurement")
    given = parser.parse_args(arguments)
    say = sys.stdout.write
    say(f"{'drivers':>8}{'events/CPU s':>14}{'x real time':>13}{'MiB':>7}")
    say(f"{'plain ev/CPU s':>16}{'plain x':>9}{'ratio':>7}{'events':>9}{'plain':>9}")
    say(f"{'ledger B/event':>16}\n")
    found = Measured({}, {}, {}, None)
    for drivers in given.drivers:
        rounds = [(_alone(simulator, drivers), _alone(plain, drivers)) for _ in range(given.rounds)]
        ours, theirs = (median(list(costs)) for costs in zip(*rounds, strict=True))
        ratio = statistics.median(a.events_per_cpu_s / b.events_per_cpu_s for a, b in rounds)
        say(f"{drivers:>8}{ours.events_per_cpu_s:>14,.0f}{1 / ours.cpu_share:>13.1f}")
        say(f"{ours.peak_mib - ours.start_mib:>7.0f}{theirs.events_per_cpu_s:>16,.0f}")
        say(f"{1 / theirs.cpu_share:>9.1f}{ratio:>7.1f}")
        say(f"{ours.events:>9}{theirs.events:>9}{ours.ledger_bytes:>16.1f}\n")
        sys.stdout.flush()
        found.ours[drivers], found.plain[drivers], found.ratios[drivers] = ours, theirs, ratio
    if given.kafka:
        sent = median([_alone(simulator, 10_000, given.kafka) for _ in range(given.rounds)])
        say(f"into Kafka, 10,000 drivers: {sent.events:,} events, ")
        say(f"{sent.events_per_cpu_s:,.0f} per CPU second, ")
        say(f"{sent.events_per_s:,.0f} per second of wall time\n")
        found = replace(found, into_kafka=sent)
    return found


if __name__ == "__main__":
    main()
