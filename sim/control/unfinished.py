"""Runs that never ended, as their ledgers say."""

import sqlite3
from contextlib import closing
from pathlib import Path


def unfinished_runs(home: Path) -> list[str]:
    """Return the runs whose ledger says that they never ended.

    A crash, or a stop without an end.
    """
    found = []
    for path in sorted((home / "runs").glob("*/truth.sqlite")):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                row = db.execute("select state from run where producer = 'sim'").fetchone()
        except sqlite3.Error:
            continue
        if row is not None and row[0] == "running":
            found.append(path.parent.name)
    return found
