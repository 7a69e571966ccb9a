"""Reads the truth ledger of a run (`contracts.ledger`), also while it is written."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from contracts.ledger import relative_path
from deploy.audit.errors import AuditError


class Transition(NamedTuple):
    """One state change of a trip, as it truly was."""

    event_id: str
    trip_id: str
    state: str
    event_time_ms: int
    pickup_zone_id: int | None
    fare_minor: int | None


class Status(NamedTuple):
    """One status of a driver, as it truly was."""

    event_id: str
    driver_id: str
    status: str
    event_time_ms: int
    zone_id: int | None


class Money(NamedTuple):
    """One payment, as it truly was."""

    event_id: str
    payment_id: str
    trip_id: str
    fare_minor: int
    fee_minor: int
    payout_minor: int
    tip_minor: int
    currency: str


class Fault(NamedTuple):
    """One imperfection made on purpose."""

    event_id: str
    topic: str
    fault: str
    detail: str | None
    entity_id: str
    event_time_ms: int = 0


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What a producer knows about its run."""

    run_id: str
    domain: str
    producer: str
    state: str
    configuration: dict[str, Any]
    first_event_time_ms: int | None = None
    last_event_time_ms: int | None = None
    is_lossy: bool = False
    produced: dict[tuple[str, str], int] = {}
    offsets: dict[str, dict[int, tuple[int, int | None]]] = {}
    faults: list[Fault] = []
    transitions: list[Transition] = []
    statuses: list[Status] = []
    payments: list[Money] = []
    rejected: list[tuple[int, str]] = []

    @property
    def is_ended(self) -> bool:
        """Whether the producer has finished."""
        return self.state == "ended"

    def planned_reasons(self, topic: str) -> Counter[tuple[str, str]]:
        """Return how often each (entity, reject reason) was made on purpose in a topic."""
        return Counter(
            (fault.entity_id, fault.detail or "")
            for fault in self.faults
            if fault.topic == topic and fault.fault == "malformed"
        )


def newest_run(home: Path) -> str:
    """Return the run whose ledger was written last.

    Raises:
        AuditError: There is none.
    """
    runs = {path: path.stat().st_mtime for path in home.glob(relative_path("*"))}
    if not runs:
        raise AuditError(
            f"no run in {home}: start one with farol sim or farol replay, or set FAROL_HOME"
        )
    return max(runs, key=lambda path: runs[path]).parent.name


def read_truth(home: Path, run_id: str) -> Truth:
    """Return what the ledger of a run holds now.

    Raises:
        AuditError: There is no such run, or its ledger cannot be read.
    """
    path = home / relative_path(run_id)
    if not path.is_file():
        known = sorted(p.parent.name for p in home.glob(relative_path("*")))
        shown = ", ".join(known[-10:]) or "none"
        raise AuditError(f"no run {run_id!r} in {home}; runs there: {shown}")
    try:
        with _opened(path) as db:
            return _read(db, run_id)
    except (sqlite3.Error, ValueError) as error:
        raise AuditError(f"the ledger {path} cannot be read ({error})") from error


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        db.execute("begin")  # one consistent view, whatever is written meanwhile
        yield db


def _read(db: sqlite3.Connection, run_id: str) -> Truth:
    row = db.execute(
        "select domain, producer, state, configuration, first_event_time_ms, last_event_time_ms,"
        " is_lossy from run where run_id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        raise ValueError(f"it holds no run {run_id!r}")
    domain, producer, state, configuration, first_ms, last_ms, is_lossy = row
    offsets: dict[str, dict[int, tuple[int, int | None]]] = {}
    for topic, partition, first, end in db.execute(
        "select topic, partition_id, first_offset, end_offset from offsets"
    ):
        offsets.setdefault(topic, {})[partition] = (first, end)
    return Truth(
        run_id=run_id,
        domain=domain,
        producer=producer,
        state=state,
        configuration=json.loads(configuration),
        first_event_time_ms=first_ms,
        last_event_time_ms=last_ms,
        is_lossy=bool(is_lossy),
        produced={(t, k): n for t, k, n in db.execute("select topic, kind, records from produced")},
        offsets=offsets,
        faults=list(
            map(
                Fault._make,
                db.execute(
                    "select event_id, topic, fault, detail, entity_id, event_time_ms from faults"
                ),
            )
        ),
        transitions=list(
            map(
                Transition._make,
                db.execute(
                    "select event_id, trip_id, state, event_time_ms, pickup_zone_id, fare_minor"
                    " from trip_transitions"
                ),
            )
        ),
        statuses=list(
            map(
                Status._make,
                db.execute(
                    "select event_id, driver_id, status, event_time_ms, zone_id from driver_status"
                ),
            )
        ),
        payments=list(
            map(
                Money._make,
                db.execute(
                    "select event_id, payment_id, trip_id, fare_minor, fee_minor, payout_minor,"
                    " tip_minor, currency from payments"
                ),
            )
        ),
        rejected=list(
            db.execute("select row_number, reason from rejected_rows order by row_number")
        ),
    )
