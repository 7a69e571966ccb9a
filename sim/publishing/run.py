"""One run from its first profile to `stream_end`.

The simulation and its publisher, moved together.
"""

import gc
import hashlib
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from contracts import ledger
from contracts.domain import RIDESHARE, Topic
from contracts.events import Envelope
from sim.domain.commands import (
    Command,
    Drain,
    End,
    EndTripsNow,
    Recorded,
    Resume,
    SetSurge,
)
from sim.domain.kpis import KpiMeter, Kpis
from sim.domain.scenario import DRAIN_LIMIT_MS, Scenario
from sim.engine.simulation import Simulation
from sim.engine.streams import Streams
from sim.publishing import snapshots
from sim.publishing.faults import FaultPlan
from sim.publishing.ledger import TruthLedger
from sim.publishing.outside import Outside, nothing_outside
from sim.publishing.port import Port
from sim.publishing.publisher import Publisher
from sim.publishing.record_of_commands import CommandRecord
from sim.publishing.snapshots import Snapshot, SnapshotError

_COLLECT_AFTER_OBJECTS: Final = 200_000
CHUNK_MS: Final = 5000
"""Simulated time that is worked through before records go out, where nothing asks for less."""
_SHORTEST_CHUNK_MS: Final = 1000
_CHUNK_DRIVER_MS: Final = 16_000_000
"""Few drivers are worked through in longer chunks: columns of some thousand pings cost least."""


def new_run_id() -> str:
    """Return a run_id that nobody had before."""
    return str(uuid.uuid4())


def derived_run_id(scenario: Scenario) -> str:
    """Return the run_id that seed and configuration imply: the same for the same scenario."""
    return str(
        uuid.UUID(bytes=hashlib.sha256(msgspec.json.encode(scenario)).digest()[:16], version=4)
    )


def _spare_the_collector() -> None:
    """Keep the garbage collector from walking the standing city again and again.

    It holds a million objects that live as long as the run, and every ping is a few more that are
    freed without it; looking through them for garbage cost a quarter of a run of 10,000 drivers.
    What an earlier run of this process left is freed first.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS, 10, 10)


class _Tee:
    """Hands events that are no pings to the publisher and to the meter."""

    def __init__(self, publisher: Publisher, meter: KpiMeter) -> None:
        self._emit = publisher.emit
        self._take = meter.take

    def emit(self, topic: Topic, key: str, event: Envelope, event_time_ms: int) -> None:
        self._emit(topic, key, event, event_time_ms)
        self._take(event, event_time_ms)


class Run:
    """A run. Made and moved by one thread; numbers may be read by others."""

    def __init__(
        self,
        scenario: Scenario,
        run_id: str,
        port: Port,
        home: Path,
        *,
        connect: Callable[[], Outside] = nothing_outside,
        script: Sequence[Recorded] = (),
        resumes: bool = False,
    ) -> None:
        """Wait for the port, connect to the services, open the ledger and set up the city.

        Args:
            scenario: The city.
            run_id: A UUID.
            port: Where the records go.
            home: `FAROL_HOME`; the ledger lies below it.
            connect: Makes the services that the scenario names. Called once the port is open: what
                needs the same Kafka waits with it.
            script: Commands of an earlier run, applied at their times.
            resumes: Whether the ledger is there already: see `resumed`.
        """
        self.scenario = scenario
        self.run_id = run_id
        self.port = port
        self._script = deque(script)
        topics = RIDESHARE.inputs
        port.open(run_id, tuple(topic.name for topic in topics))
        self._outside = outside = connect()
        path = home / ledger.relative_path(run_id)
        self._ledger = (
            TruthLedger.reopened(path)
            if resumes
            else TruthLedger(
                path,
                run_id=run_id,
                seed=scenario.seed,
                configuration=msgspec.json.encode(scenario).decode(),
                first_event_time_ms=scenario.start_ms,
                is_lossy=scenario.faults.lossy,
            )
        )
        if not resumes:
            self._ledger.first_offsets(port.offsets())
        self._record = CommandRecord(path.parent)
        self.publisher = Publisher(
            run_id=run_id,
            namespace=uuid.UUID(run_id).bytes,
            topics=topics,
            port=port,
            plan=FaultPlan(
                scenario.faults,
                scenario.movement.ping_active_ms,
                Streams(scenario.seed),
            ),
            ledger=self._ledger,
            start_ms=scenario.start_ms,
            is_muted=resumes,
        )
        self._meter = KpiMeter()
        self.simulation = Simulation(
            scenario,
            run_id,
            _Tee(self.publisher, self._meter),
            outside.routing,
            pings=self.publisher.emit_pings,
        )
        self._drain_limit_ms: int | None = None
        self._chunk_ms = min(
            max(_SHORTEST_CHUNK_MS, _CHUNK_DRIVER_MS // scenario.agents.drivers), CHUNK_MS
        )
        _spare_the_collector()

    @classmethod
    def resumed(
        cls,
        folder: Path,
        port: Port,
        home: Path,
        *,
        connect: Callable[[], Outside] = nothing_outside,
    ) -> "Run":
        """Return a run that goes on where its snapshot was taken, standing still.

        Raises:
            SnapshotError: The snapshot cannot be read, its run has gone on elsewhere, or the city
                comes out differently (another version of the simulator).
        """
        snapshot = snapshots.read(folder)
        snapshots.restore_files(snapshot, folder, home / ledger.relative_path(snapshot.run_id))
        run = cls(
            snapshot.scenario,
            snapshot.run_id,
            port,
            home,
            connect=connect,
            script=snapshot.commands,
            resumes=True,
        )
        run.advance(snapshot.at_ms)
        run._apply_script()
        if run._digest() != snapshot.digest:
            run.abandon()
            raise SnapshotError(
                f"{folder} cannot be taken up: the city comes out differently, was it made by"
                " another version of the simulator?"
            )
        run.publisher.unmute()
        run._record.rewrite(snapshot.commands)
        return run

    @property
    def ledger_path(self) -> Path:
        """Where the truth of this run is written."""
        return self._ledger.path

    @property
    def now_ms(self) -> int:
        """Simulated time in epoch milliseconds."""
        return self.simulation.now_ms

    @property
    def commands(self) -> list[Recorded]:
        """The commands so far."""
        return self._record.commands

    @property
    def is_drained(self) -> bool:
        """Whether a drain was asked for and no trip is in flight."""
        return self._drain_limit_ms is not None and not self.simulation.trips_in_flight

    @property
    def scripted_end_ms(self) -> int | None:
        """When the script ends the run, None where it does not."""
        ends = [entry.at_ms for entry in self._script if isinstance(entry.command, End)]
        return ends[0] if ends else None

    def kpis(self) -> Kpis:
        """Return the figures of the run so far; call it in the thread that moves the run."""
        return self._meter.kpis(self.now_ms)

    def execute(self, command: Command) -> None:
        """Apply a command now and record it.

        Raises:
            CommandInvalid: It names something that cannot be.
            PuppetRefused: An agent cannot do it in its present state.
        """
        self.simulation.apply(command)
        if isinstance(command, Drain):
            self._drain_limit_ms = self.now_ms + DRAIN_LIMIT_MS
        elif isinstance(command, Resume):
            self._drain_limit_ms = None
        if not self.publisher.is_muted:
            self._record.add(self.now_ms, command)

    def advance(self, until_ms: int) -> None:
        """Move simulated time forward and publish what has happened.

        Steps end wherever something happens from outside, so that it always meets the same city.
        """
        while self.now_ms < until_ms:
            self._apply_script()
            self._take_surge()
            stop_ms = min(until_ms, self.now_ms + self._chunk_ms)
            if self._script:
                stop_ms = min(stop_ms, self._script[0].at_ms)
            limit_ms = self._drain_limit_ms
            if limit_ms is not None and limit_ms > self.now_ms:
                stop_ms = min(stop_ms, limit_ms)
            self.simulation.step(stop_ms)
            if limit_ms is not None and self.now_ms >= limit_ms:
                self.simulation.end_trips_now()
            self.publisher.release(self.simulation.complete_until_ms)

    def begin_drain(self) -> None:
        """Let no new requests in; trips go on until they end, or until the limit of the drain."""
        if self._drain_limit_ms is None:
            self.execute(Drain())

    def resume(self) -> None:
        """Let requests in again after a drain."""
        self.execute(Resume())

    def drain(self) -> None:
        """Drain at full speed."""
        self.begin_drain()
        while not self.is_drained:
            self.advance(self.now_ms + CHUNK_MS)

    def end(self) -> None:
        """Drain what is left, send `stream_end`, close the ledger and the port."""
        self.drain()
        self.execute(End())
        self.publisher.end()
        self._outside.close()
        self.port.close()

    def end_now(self) -> None:
        """End without patience: trips before STARTED are cancelled, STARTED ones completed."""
        self.begin_drain()
        self.execute(EndTripsNow())
        self.end()

    def snapshot(self, folder: Path) -> Snapshot:
        """Write a snapshot; the run must stand still, with no trip in flight.

        Raises:
            SnapshotError: A trip is in flight, or the folder exists.
        """
        if not self.is_drained:
            raise SnapshotError("a snapshot needs a drained run: drain it first")
        self.publisher.commit()
        self.port.flush()
        taken = Snapshot(
            run_id=self.run_id,
            scenario=self.scenario,
            at_ms=self.now_ms,
            commands=list(self.commands),
            digest=self._digest(),
        )
        snapshots.write(taken, folder, self.ledger_path)
        return taken

    def abandon(self) -> None:
        """Close without an end; the ledger stays marked as running."""
        self._ledger.close()
        self._outside.close()
        self.port.close()

    def _digest(self) -> str:
        return f"{self.simulation.digest()}/{self.publisher.digest()}"

    def _apply_script(self) -> None:
        while self._script and self._script[0].at_ms <= self.now_ms:
            command = self._script.popleft().command
            if not isinstance(command, End):
                self.execute(command)

    def _take_surge(self) -> None:
        """Take what the feed says now.

        A past that is lived again has its multipliers in the script; what the feed says meanwhile
        waits there and is of the run's next instant.
        """
        if self._outside.surge is None or self.publisher.is_muted:
            return
        for zone_id, multiplier in self._outside.surge.poll():
            self.execute(SetSurge(zone_id=zone_id, multiplier=multiplier))
