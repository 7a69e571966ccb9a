"""Where records come from: a file of trips, or a Bronze table; read the same every time."""

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa

from contracts.domain import (
    DOMAINS,
    STREAM_END_MARGIN_MS,
    TAXI_TRIP_EVENTS,
    TAXI_TRIPS,
    Topic,
)
from contracts.rules import TRIP_TIMEOUT_MS
from sim.replay import bronze
from sim.replay.conversion import Converter
from sim.replay.errors import ReplayError
from sim.replay.mapping import format_of, from_value
from sim.replay.ordering import by_event_time
from sim.replay.plan import Outcome, Plan
from sim.replay.reading import SCHEMA, ReadProgress, read_batches
from sim.replay.record import Identity, Record

BRONZE: Final = "bronze"
"""Name of the format of records that come out of Bronze."""


class Source(Protocol):
    """Records of one topic, the same in the same order whenever they are asked for."""

    topic: Topic
    identity: Identity
    end_margin_ms: int
    """How far past the newest event the stream ends."""

    def configuration(self) -> dict[str, Any]:
        """Return what tells this source from others, for the ledger."""
        ...

    def records(self, scratch: Path, outcome: Outcome) -> Iterator[Record]:
        """Return the records; rows that are left out are counted in the outcome."""
        ...


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


class FileSource:
    """The rows of a file, as trips or as the parts of trips."""

    def __init__(
        self, plan: Plan, progress: ReadProgress, definition: dict[str, Any] | None = None
    ) -> None:
        """Read the header; `definition` is the format that an interrupted run was begun with.

        Raises:
            ReplayError: The file is not there, or not of the format.
        """
        self._plan = plan
        self._format = (
            format_of(plan.format_name)
            if definition is None
            else from_value(definition, plan.format_name)
        )
        self._batches = read_batches(plan.file, self._format, progress)
        self.sha256 = file_sha256(plan.file)
        self._converter = Converter(self._format, plan.run_id, self.sha256)
        self.identity = self._converter.identity
        self.topic = TAXI_TRIP_EVENTS if plan.is_split else TAXI_TRIPS
        self.end_margin_ms = STREAM_END_MARGIN_MS + (TRIP_TIMEOUT_MS if plan.is_split else 0)

    def configuration(self) -> dict[str, Any]:
        """Return the file's name and digest, and its format where that is the user's own."""
        found: dict[str, Any] = {
            "file": str(self._plan.file.resolve()),
            "sha256": self.sha256,
            "definition": self._format.plain(),
        }
        return found

    def records(self, scratch: Path, outcome: Outcome) -> Iterator[Record]:
        """Return the records in the order of the plan."""
        rows = _rows(self._plan, self._batches, SCHEMA, self.topic, scratch, outcome)
        convert = self._converter
        if not self._plan.is_split:
            return (convert.convert(row[0], row[1], row[2:]) for row in rows)
        split = ((row[1], convert.parts(row[0], row[1], row[2:])) for row in rows)
        if self._plan.order == "file":
            return (part for _, parts in split for part in parts)
        return _as_time_passes(split)


class BronzeSource:
    """The records of a Bronze table at one snapshot, bytes as they were."""

    def __init__(
        self, plan: Plan, topic: Topic, catalog_uri: str, snapshot_id: int | None = None
    ) -> None:
        """Open the table.

        Raises:
            ReplayError: The catalog does not answer, or the table is absent or empty.
        """
        self._plan = plan
        self._table = bronze.BronzeTable(catalog_uri, topic, snapshot_id)
        self.identity = Identity(plan.run_id, self._table.sha256)
        self.topic = topic
        self.end_margin_ms = STREAM_END_MARGIN_MS + (
            TRIP_TIMEOUT_MS if topic is TAXI_TRIP_EVENTS else 0
        )

    def configuration(self) -> dict[str, Any]:
        """Return the table and its snapshot."""
        return {
            "file": self.topic.bronze_table,
            "topic": self.topic.name,
            "snapshot_id": self._table.snapshot_id,
        }

    def records(self, scratch: Path, outcome: Outcome) -> Iterator[Record]:
        """Return the records in the order of the plan."""
        batches = self._table.batches(scratch / "distinct")
        rows = _rows(self._plan, batches, bronze.SCHEMA, self.topic, scratch, outcome)
        return (bronze.record_of(self.topic, self.identity, row) for row in rows)


def _rows(
    plan: Plan,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    topic: Topic,
    scratch: Path,
    outcome: Outcome,
) -> Iterator[tuple[Any, ...]]:
    """Return rows of (row number, event time, more) in the order and within the bounds asked."""
    if plan.is_bounded:
        batches = _within(plan.includes, batches, outcome)
    if plan.order == "event-time":
        domain = DOMAINS[topic.domain]
        usable_ms = domain.earliest_ms, domain.latest_ms
        batches = by_event_time(batches, scratch / "sorted", usable_ms, schema)
    rows = (
        row
        for batch in batches
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    return islice(rows, plan.limit)


def _within(
    includes: Callable[[int | None], bool], batches: Iterable[pa.RecordBatch], outcome: Outcome
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        is_kept = pa.array([includes(at) for at in batch.column("event_time_ms").to_pylist()])
        kept = batch.filter(is_kept)
        outcome.outside += batch.num_rows - kept.num_rows
        yield kept


def _as_time_passes(
    split: Iterable[tuple[int | None, tuple[Record, ...]]],
) -> Iterator[Record]:
    """Return parts by event time, given trips by their start; what has no time comes with its trip.

    Ends wait here until the trips that start before them have come: as many as are under way.
    """
    waiting: list[tuple[int, int, int, Record]] = []
    for started_ms, parts in split:
        while started_ms is not None and waiting and waiting[0][0] <= started_ms:
            yield heapq.heappop(waiting)[-1]
        for place, part in enumerate(parts):
            at_ms = part.event_time_ms
            if at_ms is None or started_ms is None or at_ms <= started_ms:
                yield part
            else:
                heapq.heappush(waiting, (at_ms, part.row_number, place, part))
    while waiting:
        yield heapq.heappop(waiting)[-1]
