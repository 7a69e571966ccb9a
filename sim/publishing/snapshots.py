"""A run on disk while it stands still, and the way back to the identical future.

A snapshot holds the scenario, the commands so far, the instant, a copy of the ledger and a hash of
the city's state. Taking it up again lives the run from its start without publishing, which takes
seconds to minutes, and compares the hash: SimPy's processes cannot be written to disk, and a
future that is identical by construction needs no format that could fall behind the code.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from sim.domain.commands import Recorded
from sim.domain.errors import SimError
from sim.domain.scenario import Scenario

_FILE: Final = "snapshot.json"
_LEDGER: Final = "truth.sqlite"
WAYS: Final = "ways.sqlite"


class SnapshotError(SimError):
    """A snapshot cannot be taken or taken up again."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is needed to live the run again."""

    run_id: str
    scenario: Scenario
    at_ms: int
    commands: list[Recorded]
    digest: str


def write(snapshot: Snapshot, folder: Path, ledger: Path) -> None:
    """Write a snapshot with copies of the ledger and of the ways of a routing service.

    Raises:
        SnapshotError: The folder exists, or cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        with (
            closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(folder / _LEDGER)) as copy,
        ):
            source.backup(copy)
        ways = ledger.parent / WAYS
        if ways.exists():
            with (
                closing(sqlite3.connect(f"file:{ways}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(folder / WAYS)) as copy,
            ):
                source.backup(copy)
        part = folder / f"{_FILE}.part"
        part.write_bytes(msgspec.json.encode(snapshot))
        os.replace(part, folder / _FILE)
    except OSError as error:
        raise SnapshotError(f"no snapshot in {folder}: {error}; name a new folder") from error


def read(folder: Path) -> Snapshot:
    """Return the snapshot in a folder.

    Raises:
        SnapshotError: There is none that can be read.
    """
    path = folder / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Snapshot)
    except OSError as error:
        raise SnapshotError(f"no snapshot in {folder}: {error}") from error
    except msgspec.DecodeError as error:
        raise SnapshotError(f"{path} is no snapshot of this version: {error}") from error


def restore_files(snapshot: Snapshot, folder: Path, ledger: Path) -> None:
    """Put the ledger and the ways of a snapshot where the run will go on.

    Raises:
        SnapshotError: A ledger is there already that has gone on since the snapshot.
    """
    ledger.parent.mkdir(parents=True, exist_ok=True)
    if ledger.exists() and _newest_ms(ledger) != _newest_ms(folder / _LEDGER):
        raise SnapshotError(
            f"{ledger} has gone on since the snapshot of run {snapshot.run_id}: its records are"
            " published already; take the snapshot up under another FAROL_HOME"
        )
    for name in (_LEDGER, WAYS):
        if (folder / name).exists():
            for suffix in ("-wal", "-shm"):
                (ledger.parent / f"{name}{suffix}").unlink(missing_ok=True)
            shutil.copyfile(folder / name, ledger.parent / name)


def _newest_ms(path: Path) -> tuple[str, int | None]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        row: tuple[str, int | None] = db.execute(
            "select state, last_event_time_ms from run"
        ).fetchone()
        return row
