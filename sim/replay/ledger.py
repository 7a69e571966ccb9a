"""The ledger of a replay: what was read, sent and rejected, for the audit (`contracts.ledger`)."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from contracts import ledger
from contracts.domain import Topic
from sim.replay.errors import ReplayError

_REJECTED_BUFFER: Final = 1000


class Kept(NamedTuple):
    """What the ledger of an interrupted run says."""

    configuration: dict[str, Any]
    topic: str
    first_offsets: dict[int, int]


def interrupted(home: Path, run_id: str) -> Kept:
    """Return what a run that did not come to its end was about.

    Raises:
        ReplayError: There is no such run, it is no replay, or it has ended.
    """
    path = home / ledger.relative_path(run_id)
    if not path.is_file():
        raise ReplayError(f"there is no run {run_id!r} to resume ({path} does not exist)")
    try:
        with closing(sqlite3.connect(path)) as connection:
            row = connection.execute("select producer, configuration from run").fetchone()
            offsets = connection.execute(
                "select topic, partition_id, first_offset from offsets"
            ).fetchall()
    except sqlite3.Error as error:
        raise ReplayError(f"the ledger {path} cannot be read ({error})") from error
    if row is None or row[0] != "replay" or not offsets:
        raise ReplayError(f"run {run_id!r} is no replay that has begun; nothing can be resumed")
    configuration: dict[str, Any] = json.loads(row[1])
    if configuration.get("is_complete"):
        raise ReplayError(f"run {run_id!r} came to its end; there is nothing left to resume")
    return Kept(configuration, offsets[0][0], {number: first for _, number, first in offsets})


class ReplayLedger:
    """One SQLite file of one run; readable by others while it is written."""

    def __init__(self, home: Path, run_id: str, topic: Topic, *, is_resumed: bool = False) -> None:
        """Open a new ledger, or that of an interrupted run.

        Raises:
            ReplayError: A run of this id exists, or the folder cannot be written.
        """
        path = home / ledger.relative_path(run_id)
        if path.exists() and not is_resumed:
            raise ReplayError(
                f"run {run_id!r} exists already ({path}); choose another --run-id, "
                "or go on with it: farol replay --resume"
            )
        self._topic = topic
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._connection.executescript(ledger.SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise ReplayError(f"the ledger {path} cannot be written ({error})") from error
        self._run_id = run_id
        self._rejected: list[tuple[int, str, str]] = []

    def __enter__(self) -> Self:
        """Return the open ledger."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._connection.close()

    def begin(self, configuration: Mapping[str, Any], first_offsets: Mapping[int, int]) -> None:
        """Write down what is about to be replayed and where the partitions stand."""
        with self._connection as connection:
            connection.execute(
                "insert into run values (?, ?, 'replay', 'running', null, ?, null, null, 0)",
                (self._run_id, self._topic.domain, json.dumps(configuration, sort_keys=True)),
            )
            connection.executemany(
                "insert into offsets values (?, ?, ?, null)",
                [(self._topic.name, partition, at) for partition, at in first_offsets.items()],
            )

    def resume(self, configuration: Mapping[str, Any]) -> None:
        """Write down that an interrupted run goes on; its rejected rows are written again."""
        with self._connection as connection:
            connection.execute(
                "update run set state = 'running', configuration = ?",
                (json.dumps(configuration, sort_keys=True),),
            )
            connection.execute("delete from rejected_rows")

    def pause(self, configuration: Mapping[str, Any]) -> None:
        """Write down how far an interrupted run has come."""
        self._flush_rejected()
        with self._connection as connection:
            connection.execute(
                "update run set configuration = ?", (json.dumps(configuration, sort_keys=True),)
            )

    def reject(self, row_number: int, reason: str, detail: str) -> None:
        """Write down a row that validation will refuse."""
        self._rejected.append((row_number, reason, detail))
        if len(self._rejected) >= _REJECTED_BUFFER:
            self._flush_rejected()

    def delivered(self, counts: Mapping[str, int]) -> None:
        """Write down how many records of each kind the broker has confirmed so far."""
        self._flush_rejected()
        with self._connection as connection:
            connection.executemany(
                "insert or replace into produced values (?, ?, ?)",
                [(self._topic.name, kind, records) for kind, records in counts.items()],
            )

    def end(
        self,
        configuration: Mapping[str, Any],
        event_times_ms: tuple[int, int] | None,
        end_offsets: Mapping[int, int],
    ) -> None:
        """Close the run; the configuration now holds the rows that were published."""
        first_ms, last_ms = event_times_ms or (None, None)
        with self._connection as connection:
            connection.execute(
                "update run set state = 'ended', configuration = ?, "
                "first_event_time_ms = ?, last_event_time_ms = ?",
                (json.dumps(configuration, sort_keys=True), first_ms, last_ms),
            )
            connection.executemany(
                "update offsets set end_offset = ? where topic = ? and partition_id = ?",
                [(at, self._topic.name, partition) for partition, at in end_offsets.items()],
            )

    def _flush_rejected(self) -> None:
        with self._connection as connection:
            connection.executemany("insert into rejected_rows values (?, ?, ?)", self._rejected)
        self._rejected.clear()
