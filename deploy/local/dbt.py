"""Runs dbt for one stack: addresses in, output folders out of the source tree, one build at a time.

Two engines build the same models: Trino, whose tables are the lake's, and DuckDB, which reads the
same Bronze and keeps what it builds to itself, for those who develop models.

dbt is a subprocess that works in `dbt/` without the repository on its import path: the folder's
name would shadow dbt's own package.
"""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import trino
from filelock import FileLock, Timeout

from contracts.tables import BRONZE_TABLES, CATALOG
from deploy.local import checks, dbt_duckdb, lake, probes
from deploy.local.layout import Layout

_NEEDS_TABLES: Final = frozenset(
    {"build", "run", "test", "seed", "snapshot", "show", "compile", "docs", "source"}
)
_WAIT_S: Final = 900.0
_ATTEMPTS: Final = 3
_GRACE_S: Final = 20.0
"""How long an interrupted dbt may take to cancel its queries."""
_LEFT_OVER_WAIT_S: Final = 60.0
_GONE: Final = "its dbt is gone, and another one begins"
_USER: Final = "dbt"
"""Whose queries a build of this stack's Trino are (`dbt/profiles.yml`)."""
HEALTH_TAG: Final = "health"
"""Of the tests of dbt that judge volume, freshness and distribution."""
Say = Callable[[str], None]


class Engine(StrEnum):
    """Who computes; the name is that of the output in `profiles.yml`."""

    TRINO = "trino"
    DUCKDB = "duckdb"


class DbtError(Exception):
    """dbt cannot run, or has failed."""


class TrinoUnreachableError(DbtError):
    """Trino gives no answer."""

    def __init__(self, address: str, cause: Exception) -> None:
        super().__init__(
            f"Trino does not answer at {address} ({cause}). Start it: farol up catalog trino"
        )
        self.address = address


class MissingTablesError(DbtError):
    """Bronze tables that the models read do not exist."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"{len(missing)} Bronze tables are missing ({', '.join(missing[:3])}, ...). "
            "Create them: farol lake init"
        )
        self.missing = tuple(missing)


class BusyError(DbtError):
    """Another dbt holds the stack for too long."""

    def __init__(self, lock: Path, waited_s: float) -> None:
        super().__init__(
            f"another dbt has been at work on this stack for {waited_s:.0f} s (lock {lock}). "
            "Wait for it or stop it, then try again"
        )


class LeftOverError(DbtError):
    """Queries of a dbt that is gone cannot be ended."""

    def __init__(self, queries: Sequence[str]) -> None:
        super().__init__(
            f"queries of an earlier dbt do not end ({', '.join(queries)}); a build beside them "
            "could write rows twice. Look at them on Trino's page, or start it anew: "
            "farol down, farol up"
        )


class FailedError(DbtError):
    """dbt ended with an error; it has said which on its own output."""

    def __init__(self, command: str, exit_code: int, log: Path) -> None:
        super().__init__(
            f"dbt {command} failed (exit code {exit_code}). What failed is named above; "
            f"details: {log}. A repeated run repairs what a broken one left"
        )
        self.exit_code = exit_code


def folder(layout: Layout, engine: Engine = Engine.TRINO) -> Path:
    """Return where dbt's target, logs and lock of this stack are."""
    return layout.home / "dbt" / ("" if engine is Engine.TRINO else engine)


def environment(layout: Layout, engine: Engine = Engine.TRINO) -> dict[str, str]:
    """Return the environment of dbt: the stack's addresses, and none of Python's paths."""
    place = folder(layout, engine)
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("DBT_", "PYTHONPATH", "PYTHONHOME"))
    }
    return inherited | {
        "FAROL_TRINO_HOST": "127.0.0.1",
        "FAROL_TRINO_PORT": str(layout.port("trino")),
        "FAROL_DUCKDB_FILE": str(dbt_duckdb.database(place)),
        "FAROL_REPOSITORY": str(layout.repository),
        "DBT_PROFILES_DIR": str(layout.repository / "dbt"),
        "DBT_TARGET": engine.value,
        "DBT_TARGET_PATH": str(place / "target"),
        "DBT_LOG_PATH": str(place / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def arguments(given: Sequence[str]) -> tuple[str, ...]:
    """Return dbt's arguments: as given, but a build that names no tests leaves some out.

    Unit tests prove the models' logic, not the data: they run in the test suite, and each costs
    a query. Checks of health must not keep Gold from being built of good Silver: `lake_health`.
    """
    words = tuple(given)
    names_tests = any("resource-type" in word or "test_type:" in word for word in words)
    if words[:1] == ("build",) and not names_tests:
        return (*words, "--exclude-resource-type", "unit_test", "--exclude", f"tag:{HEALTH_TAG}")
    return words


def run(
    layout: Layout,
    given: Sequence[str],
    say: Say,
    wait_s: float = _WAIT_S,
    engine: Engine = Engine.TRINO,
) -> None:
    """Run dbt with these arguments; its output goes to this process's output.

    Two builds at once could both read the same new records and append them twice, so a second one
    waits. A build that loses a commit against a writer that knows no lock runs again: what it has
    done is done, and what it has not is computed from the tables as they are then.

    Raises:
        DbtError: Trino is away, tables are missing, another build does not end, or dbt fails.
    """
    place = folder(layout, engine)
    place.mkdir(parents=True, exist_ok=True)
    command = given[0] if given else ""
    if command in _NEEDS_TABLES and engine is Engine.TRINO:
        _check(layout)
    lock = FileLock(place / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("farol: another dbt is at work on this stack, waiting for it to end")
        try:
            lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise BusyError(Path(lock.lock_file), wait_s) from error
    try:
        if command in _NEEDS_TABLES:
            if engine is Engine.DUCKDB:
                _attach(layout)
            else:
                end_left_over_queries(layout, say)
        for attempt in range(1, _ATTEMPTS + 1):
            began = time.time()
            exit_code = _call(layout, engine, arguments(given), lock)
            if not exit_code:
                return
            if attempt == _ATTEMPTS or not _has_lost(place, began):
                break
            say("farol: another writer has committed first, dbt runs again")
    finally:
        lock.release()
    raise FailedError(command, exit_code, place / "logs" / "dbt.log")


def _call(layout: Layout, engine: Engine, words: Sequence[str], lock: FileLock) -> int:
    """Run dbt and return its exit code; dbt shares the lock, so it outlives a killed `farol`."""
    process = subprocess.Popen(
        [str(layout.python("app").with_name("dbt")), *words],
        cwd=layout.repository / "dbt",
        env=environment(layout, engine),
        pass_fds=[fd for fd in (lock._context.lock_file_fd,) if fd is not None],
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        # the same signal has reached dbt, which cancels its queries
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        raise
    finally:
        process.kill()
        process.wait()


def end_left_over_queries(layout: Layout, say: Say) -> None:
    """End what Trino still computes for a dbt that is gone; the caller holds the lock.

    An insert that commits after its dbt was killed would add rows that the next build adds too.

    Raises:
        LeftOverError: They do not end.
        TrinoUnreachableError: Trino gives no answer.
    """
    until = time.monotonic() + _LEFT_OVER_WAIT_S
    try:
        with closing(probes.trino_connection(layout)) as connection:
            cursor = connection.cursor()
            while queries := _left_over(cursor):
                if time.monotonic() > until:
                    raise LeftOverError(queries)
                for query in queries:
                    say(f"farol: query {query} of a dbt that is gone is ended")
                    _end_query(cursor, query)
                time.sleep(0.5)
    except (trino.exceptions.Error, OSError) as error:
        raise TrinoUnreachableError(layout.url("trino"), error) from error


def _left_over(cursor: Any) -> list[str]:
    cursor.execute(
        "select query_id from system.runtime.queries "
        "where \"user\" = ? and state not in ('FINISHED', 'FAILED')",
        [_USER],
    )
    return [str(row[0]) for row in cursor.fetchall()]


def _end_query(cursor: Any, query: str) -> None:
    with suppress(trino.exceptions.TrinoQueryError):  # it has ended by itself
        # a call takes no parameters; the identifier is Trino's own
        cursor.execute(
            f"call system.runtime.kill_query(query_id => '{query}', message => '{_GONE}')"
        )
        cursor.fetchall()


def _has_lost(place: Path, began: float) -> bool:
    """Return whether a node of the run that began then has lost its commit."""
    return any(
        conflict in message
        for message in checks.errors_since(place, began)
        for conflict in lake.CONFLICTS
    )


def _attach(layout: Layout) -> None:
    try:
        catalog = lake.connect(layout.url("catalog"))
        dbt_duckdb.attach(dbt_duckdb.database(folder(layout, Engine.DUCKDB)), catalog)
    except (lake.LakeError, dbt_duckdb.DuckdbError) as error:
        raise DbtError(str(error)) from error


def _check(layout: Layout) -> None:
    try:
        probes.trino(layout)
        connection = probes.trino_connection(layout)
        try:
            cursor = connection.cursor()
            cursor.execute(f"show tables from {CATALOG}.bronze")
            present = {row[0] for row in cursor.fetchall()}
        finally:
            connection.close()
    except trino.exceptions.TrinoUserError:
        present = set()
    except (probes.NotReadyError, trino.exceptions.Error, OSError) as error:
        raise TrinoUnreachableError(layout.url("trino"), error) from error
    missing = [spec.identifier for spec in BRONZE_TABLES if spec.name not in present]
    if missing:
        raise MissingTablesError(missing)
