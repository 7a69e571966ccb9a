"""One run from its first profile to `stream_end`.

The simulation and its publisher, moved together.
"""

import hashlib
import uuid
from pathlib import Path
from typing import Final

import msgspec

from contracts import ledger
from contracts.domain import GPS_PINGS, RIDESHARE, Topic
from contracts.events import Envelope
from sim.domain.kpis import KpiMeter, Kpis
from sim.domain.scenario import Scenario
from sim.engine.simulation import DRAIN_LIMIT_MS, Simulation
from sim.engine.streams import Streams
from sim.publishing.faults import FaultPlan
from sim.publishing.ledger import TruthLedger
from sim.publishing.port import Port
from sim.publishing.publisher import Publisher

CHUNK_MS: Final = 1000
"""Simulated time that is worked through before records go out, where nothing asks for less."""


def new_run_id() -> str:
    """Return a run_id that nobody had before."""
    return str(uuid.uuid4())


def derived_run_id(scenario: Scenario) -> str:
    """Return the run_id that seed and configuration imply: the same for the same scenario."""
    return str(
        uuid.UUID(bytes=hashlib.sha256(msgspec.json.encode(scenario)).digest()[:16], version=4)
    )


class _Tee:
    """Hands events to the publisher, and those that figures are made of to the meter."""

    def __init__(self, publisher: Publisher, meter: KpiMeter) -> None:
        self._emit = publisher.emit
        self._take = meter.take

    def emit(self, topic: Topic, key: str, event: Envelope, event_time_ms: int) -> None:
        self._emit(topic, key, event, event_time_ms)
        if topic is not GPS_PINGS:
            self._take(event, event_time_ms)


class Run:
    """A run. Made and moved by one thread; numbers may be read by others."""

    def __init__(self, scenario: Scenario, run_id: str, port: Port, home: Path) -> None:
        """Wait for the port, open the ledger and set up the city.

        Args:
            scenario: The city.
            run_id: A UUID.
            port: Where the records go.
            home: `FAROL_HOME`; the ledger lies below it.
        """
        self.scenario = scenario
        self.run_id = run_id
        self.port = port
        topics = RIDESHARE.inputs
        port.open(run_id, tuple(topic.name for topic in topics))
        self._ledger = TruthLedger(
            home / ledger.relative_path(run_id),
            run_id=run_id,
            seed=scenario.seed,
            configuration=msgspec.json.encode(scenario).decode(),
            first_event_time_ms=scenario.start_ms,
            is_lossy=scenario.faults.lossy,
        )
        self._ledger.first_offsets(port.offsets())
        self.publisher = Publisher(
            run_id=run_id,
            namespace=uuid.UUID(run_id).bytes,
            topics=topics,
            port=port,
            plan=FaultPlan(
                scenario.faults,
                scenario.movement.ping_active_ms,
                Streams(scenario.seed).of("faults"),
            ),
            ledger=self._ledger,
            start_ms=scenario.start_ms,
        )
        self._meter = KpiMeter()
        self.simulation = Simulation(scenario, run_id, _Tee(self.publisher, self._meter))
        self._drain_limit_ms: int | None = None

    @property
    def ledger_path(self) -> Path:
        """Where the truth of this run is written."""
        return self._ledger.path

    @property
    def now_ms(self) -> int:
        """Simulated time in epoch milliseconds."""
        return self.simulation.now_ms

    @property
    def is_drained(self) -> bool:
        """Whether a drain was asked for and no trip is in flight."""
        return self._drain_limit_ms is not None and not self.simulation.trips_in_flight

    def kpis(self) -> Kpis:
        """Return the figures of the run so far; call it in the thread that moves the run."""
        return self._meter.kpis(self.now_ms)

    def advance(self, until_ms: int) -> None:
        """Move simulated time forward and publish what has happened."""
        while self.now_ms < until_ms:
            self.simulation.step(min(until_ms, self.now_ms + CHUNK_MS))
            if self._drain_limit_ms is not None and self.now_ms >= self._drain_limit_ms:
                self.simulation.end_trips_now()
            self.publisher.release(self.simulation.complete_until_ms)

    def begin_drain(self) -> None:
        """Let no new requests in; trips go on until they end, or until the limit of the drain."""
        if self._drain_limit_ms is None:
            self._drain_limit_ms = self.now_ms + DRAIN_LIMIT_MS
            self.simulation.stop_requests()

    def resume(self) -> None:
        """Let requests in again after a drain."""
        self._drain_limit_ms = None
        self.simulation.resume_requests()

    def drain(self) -> None:
        """Drain at full speed."""
        self.begin_drain()
        while not self.is_drained:
            self.advance(self.now_ms + CHUNK_MS)

    def end(self) -> None:
        """Drain what is left, send `stream_end`, close the ledger and the port."""
        self.drain()
        self.publisher.end()
        self.port.close()

    def abandon(self) -> None:
        """Close without an end; the ledger stays marked as running."""
        self._ledger.close()
        self.port.close()
