"""A replay from file to topic: reads, orders, converts, paces, sends, and writes the ledger."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, Protocol
from uuid import UUID

import pyarrow as pa

from contracts.domain import HEADER_RUN_ID, HEADER_TRACEPARENT, STREAM_END_MARGIN_MS
from contracts.events import ControlType
from contracts.ledger import RecordKind
from sim.replay.conversion import Cells, Converter, Record
from sim.replay.errors import ReplayError
from sim.replay.formats import named_format
from sim.replay.ledger import ReplayLedger
from sim.replay.ordering import by_event_time
from sim.replay.pacing import Heartbeats, Pace
from sim.replay.reading import read_batches

Order = Literal["event-time", "file"]
REPORT_EVERY_S: Final = 0.5


Headers = list[tuple[str, str | bytes | None]]


class Publisher(Protocol):
    """A topic that takes records."""

    @property
    def partitions(self) -> tuple[int, ...]:
        """Partition numbers of the topic."""

    def end_offsets(self) -> dict[int, int]:
        """Return the offset the next record of each partition will get."""

    def send(
        self,
        kind: RecordKind,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        """Queue a record."""

    def poll(self) -> None:
        """Take confirmations in."""

    def flush(self) -> None:
        """Wait until every record is confirmed."""

    def confirmed(self) -> Mapping[str, int]:
        """Return the confirmed records by kind."""


class Progress(Protocol):
    """Someone who watches."""

    def reading(self, done: int, total: int) -> None:
        """Take note that `done` of `total` bytes or rows were read."""

    def published(self, rows: int, total: int | None) -> None:
        """Take note that `rows` rows were sent; the total is known once the file was sorted."""


class Unwatched:
    """Nobody watches."""

    def reading(self, done: int, total: int) -> None:
        """Do nothing."""

    def published(self, rows: int, total: int | None) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay and how; `speed` is event seconds per wall second, None: no limit."""

    file: Path
    format_name: str
    run_id: str
    order: Order = "event-time"
    speed: float | None = None
    limit: int | None = None


@dataclass(slots=True)
class Outcome:
    """What a replay did."""

    run_id: str
    rows: int = 0
    accepted: int = 0
    controls: int = 0
    is_complete: bool = False
    rejected: Counter[str] = field(default_factory=Counter)
    first_event_time_ms: int | None = None
    last_event_time_ms: int | None = None
    seconds: float = 0.0

    def event_times_ms(self) -> tuple[int, int] | None:
        """Return the oldest and newest accepted event time, None where nothing was accepted."""
        if self.first_event_time_ms is None or self.last_event_time_ms is None:
            return None
        return self.first_event_time_ms, self.last_event_time_ms


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises:
        ReplayError: It cannot be read.
    """
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise ReplayError(f"{path}: cannot be read ({error.strerror})") from error


def replay(
    plan: Plan, publisher: Publisher, home: Path, progress: Progress | None = None
) -> Outcome:
    """Publish the rows of a file and return what was done.

    An interrupt (Ctrl-C) ends the replay properly: what was sent is confirmed, ended and
    written down.

    Args:
        plan: What to replay.
        publisher: Where to.
        home: State folder; the ledger and the scratch files of the sort go there.
        progress: Who watches.

    Raises:
        ReplayError: The file, the ledger or the broker cannot be used; the message says what to do.
    """
    format_ = named_format(plan.format_name)
    watcher = progress or Unwatched()
    batches = read_batches(plan.file, format_, watcher.reading)
    digest = file_sha256(plan.file)
    converter = Converter(format_, plan.run_id, digest)
    configuration: dict[str, Any] = {
        "file": str(plan.file.resolve()),
        "sha256": digest,
        "format": plan.format_name,
        "order": plan.order,
        "speed": plan.speed,
        "limit": plan.limit,
    }
    with ReplayLedger(home, plan.run_id) as ledger:
        ledger.begin(configuration, publisher.end_offsets())
        if plan.order == "event-time":
            scratch = home / "runs" / plan.run_id / "sort"
            batches = by_event_time(batches, scratch, converter.usable_ms())
        run = _Run(plan, converter, publisher, ledger, watcher)
        failure: ReplayError | None = None
        try:
            run.publish(_rows(batches, plan.limit))
        except ReplayError as error:
            failure = error
        outcome = run.outcome
        configuration |= {"rows": outcome.rows, "is_complete": outcome.is_complete}
        ledger.delivered(publisher.confirmed())
        if failure is not None:
            configuration["failure"] = str(failure)
            ledger.end(configuration, outcome.event_times_ms(), {})
            raise failure
        ledger.end(configuration, outcome.event_times_ms(), publisher.end_offsets())
    return outcome


def _rows(
    batches: Iterator[pa.RecordBatch], limit: int | None
) -> Iterator[tuple[int, int | None, Cells]]:
    rows = (
        (row[0], row[1], row[2:])
        for batch in batches
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    return islice(rows, limit)


class _Run:
    def __init__(
        self,
        plan: Plan,
        converter: Converter,
        publisher: Publisher,
        ledger: ReplayLedger,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._converter = converter
        self._publisher = publisher
        self._ledger = ledger
        self._progress = progress
        self._pace = Pace(plan.speed)
        self._heartbeats = Heartbeats(plan.speed)
        self._run_id_header = (HEADER_RUN_ID, plan.run_id.encode())
        self.outcome = Outcome(plan.run_id)
        self._reported_s = 0.0

    def publish(self, rows: Iterator[tuple[int, int | None, Cells]]) -> None:
        """Send every row, then the end."""
        began_s = time.monotonic()
        try:
            for row_number, started_ms, cells in rows:
                self._publish_row(self._converter.convert(row_number, started_ms, cells))
            self.outcome.is_complete = True
        except KeyboardInterrupt:
            pass  # what was sent is ended and written down below; `is_complete` stays false
        newest_ms = self.outcome.last_event_time_ms
        if newest_ms is not None:
            self._control("stream_end", newest_ms + STREAM_END_MARGIN_MS)
        self._publisher.flush()
        self._progress.published(self.outcome.rows, self.outcome.rows)
        self.outcome.seconds = time.monotonic() - began_s

    def _publish_row(self, record: Record) -> None:
        outcome = self.outcome
        kind: RecordKind = "clean"
        if record.reason is not None:
            kind = "malformed"
        elif record.event_time_ms is not None:
            self._advance(record.event_time_ms)
        self._publisher.send(kind, record.key, record.value, self._headers(record.event_id))
        outcome.rows += 1
        if record.reason is None:
            outcome.accepted += 1
        else:
            outcome.rejected[record.reason] += 1
            self._ledger.reject(record.row_number, record.reason, str(record.event_id))
        if outcome.rows % 256 == 0 or self._plan.speed is not None:
            self._report()

    def _advance(self, event_time_ms: int) -> None:
        outcome = self.outcome
        first_ms, newest_ms = outcome.first_event_time_ms, outcome.last_event_time_ms
        outcome.first_event_time_ms = (
            event_time_ms if first_ms is None else min(first_ms, event_time_ms)
        )
        if newest_ms is not None and event_time_ms <= newest_ms:
            return
        for beat_ms in self._heartbeats.before(event_time_ms):
            self._pace.wait_for(beat_ms)
            self._control("stream_heartbeat", beat_ms)
        self._pace.wait_for(event_time_ms)
        outcome.last_event_time_ms = event_time_ms

    def _headers(self, event_id: UUID) -> Headers:
        trace = event_id.hex
        return [self._run_id_header, (HEADER_TRACEPARENT, f"00-{trace}-{trace[:16]}-01".encode())]

    def _control(self, event_type: ControlType, event_time_ms: int) -> None:
        for partition in self._publisher.partitions:
            event_id, value = self._converter.control(
                event_type, self.outcome.controls, event_time_ms
            )
            self._publisher.send("control", None, value, self._headers(event_id), partition)
            self.outcome.controls += 1

    def _report(self) -> None:
        now_s = time.monotonic()
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            self._publisher.poll()
            self._ledger.delivered(self._publisher.confirmed())
            self._progress.published(self.outcome.rows, None)
