"""Writes the truth ledger of a run: `contracts.ledger` says what it holds.

Rows are collected and written in one transaction per `commit`; WAL lets others read meanwhile.
"""

import sqlite3
from collections import Counter
from pathlib import Path

from contracts.events import DriverStatusEvent, Envelope, Payment, TripEvent
from contracts.ledger import SCHEMA, FaultKind, RecordKind
from sim.domain.errors import SimError

_RUN = """
insert into run (run_id, domain, producer, state, seed, configuration, first_event_time_ms,
is_lossy) values (?, 'rideshare', 'sim', 'running', ?, ?, ?, ?)
"""
_PRODUCED = """
insert into produced (topic, kind, records) values (?, ?, ?)
on conflict (topic, kind) do update set records = excluded.records
"""
_OFFSETS = "insert into offsets (topic, partition_id, first_offset) values (?, ?, ?)"
_END_OFFSETS = "update offsets set end_offset = ? where topic = ? and partition_id = ?"
_TRIP = "insert into trip_transitions values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STATUS = "insert into driver_status values (?, ?, ?, ?, ?, ?)"
_PAYMENT = "insert into payments values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FAULT = "insert into faults values (?, ?, ?, ?, ?, ?, ?)"


class LedgerExistsError(SimError):
    """There is a ledger of this run already."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} exists already: a run is recorded once, take a new run_id")


class TruthLedger:
    """The ledger of one run. Made and used by one thread."""

    def __init__(
        self,
        path: Path,
        *,
        run_id: str,
        seed: int,
        configuration: str,
        first_event_time_ms: int,
        is_lossy: bool,
    ) -> None:
        if path.exists():
            raise LedgerExistsError(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open(path, first_event_time_ms)
        self._db.executescript(SCHEMA)
        self._db.execute(_RUN, (run_id, seed, configuration, first_event_time_ms, int(is_lossy)))

    @classmethod
    def reopened(cls, path: Path) -> "TruthLedger":
        """Return a ledger that goes on where it was left."""
        ledger = cls.__new__(cls)
        ledger._open(path, 0)
        (newest_ms,) = ledger._db.execute("select last_event_time_ms from run").fetchone()
        ledger.last_ms = newest_ms or 0
        return ledger

    def _open(self, path: Path, first_event_time_ms: int) -> None:
        self.path = path
        self._trips: list[tuple[object, ...]] = []
        self._statuses: list[tuple[object, ...]] = []
        self._payments: list[tuple[object, ...]] = []
        self._faults: list[tuple[object, ...]] = []
        self.last_ms = first_event_time_ms
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")

    def record(self, event: Envelope, event_time_ms: int) -> None:
        """Note an event as it truly happened.

        Pings, ratings, surge and profiles are only counted.
        """
        if event_time_ms > self.last_ms:
            self.last_ms = event_time_ms
        if isinstance(event, TripEvent):
            self._trips.append(
                (
                    event.event_id,
                    event.trip_id,
                    event.state.value,
                    event.previous_state.value if event.previous_state else None,
                    event_time_ms,
                    event.pickup.zone_id,
                    event.rider_id,
                    event.driver_id,
                    event.fare_minor,
                )
            )
        elif isinstance(event, DriverStatusEvent):
            self._statuses.append(
                (
                    event.event_id,
                    event.driver_id,
                    event.status.value,
                    event.previous_status.value if event.previous_status else None,
                    event_time_ms,
                    event.zone_id,
                )
            )
        elif isinstance(event, Payment):
            self._payments.append(
                (
                    event.event_id,
                    event.payment_id,
                    event.trip_id,
                    event.fare_minor,
                    event.fee_minor,
                    event.payout_minor,
                    event.tip_minor,
                    event.currency,
                    event_time_ms,
                )
            )

    def fault(
        self,
        event_id: str,
        topic: str,
        fault: FaultKind,
        detail: str | None,
        entity_id: str,
        event_time_ms: int,
        released_ms: int | None,
    ) -> None:
        """Note what was done to an event."""
        self._faults.append((event_id, topic, fault, detail, entity_id, event_time_ms, released_ms))

    def first_offsets(self, offsets: dict[tuple[str, int], int]) -> None:
        """Note where the topics end before the run."""
        self._db.executemany(_OFFSETS, [(t, p, offset) for (t, p), offset in offsets.items()])

    def commit(self, produced: Counter[tuple[str, RecordKind]]) -> None:
        """Write what has been collected, and the counts as they are now."""
        self._db.execute("begin")
        for statement, rows in (
            (_TRIP, self._trips),
            (_STATUS, self._statuses),
            (_PAYMENT, self._payments),
            (_FAULT, self._faults),
        ):
            if rows:
                self._db.executemany(statement, rows)
                rows.clear()
        self._db.executemany(_PRODUCED, [(t, k, n) for (t, k), n in sorted(produced.items())])
        self._db.execute("update run set last_event_time_ms = ?", (self.last_ms,))
        self._db.execute("commit")

    def end(
        self,
        produced: Counter[tuple[str, RecordKind]],
        offsets: dict[tuple[str, int], int],
    ) -> None:
        """Write the rest, mark the run as ended and close."""
        self.commit(produced)
        self._db.executemany(_END_OFFSETS, [(end, t, p) for (t, p), end in offsets.items()])
        self._db.execute("update run set state = 'ended'")
        self.close()

    def close(self) -> None:
        """Close the file; a run that was not ended stays marked as running."""
        self._db.close()
