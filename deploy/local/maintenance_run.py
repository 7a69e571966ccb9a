"""Carries out the maintenance of the lake through Trino, beside jobs that write and dbt builds.

One maintenance at a time. Tables of dbt are worked on under dbt's own lock: a MERGE of Trino beside
another writer can apply twice, and with the lock there is none. Jobs only append, which Iceberg
lets pass beside a rewrite of older files; a commit that loses the race is tried again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import tenacity
import trino
from filelock import FileLock, Timeout
from pyiceberg.catalog import Catalog
from requests.exceptions import RequestException

from deploy.local import dbt, lake, maintenance, savepoints
from deploy.local.lake_stats import TableStats, stats_of, table_names
from deploy.local.layout import Layout
from deploy.local.maintenance import Policy, Step
from deploy.local.probes import trino_connection

_ATTEMPTS: Final = 5
_TIMEOUT_S: Final = 60.0
_WAIT_FOR_DBT_S: Final = 900.0
Say = Callable[[str], None]


class MaintenanceError(lake.LakeError):
    """The lake cannot be looked after now; the message says why and what to do."""


class ConflictError(MaintenanceError):
    """Another writer committed first."""


class StatementError(MaintenanceError):
    """Trino refused a statement or failed at it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One table before and after, and what was done.

    Attributes:
        before: As it was found.
        after: As it was left; jobs may have appended meanwhile.
        done: The steps, in order.
    """

    before: TableStats
    after: TableStats
    done: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The lake of one stack and how it is looked after."""

    layout: Layout
    policy: Policy = field(default_factory=Policy)
    is_dry_run: bool = False

    def run(self, named: Sequence[str], say: Say) -> Iterator[Outcome]:
        """Look after tables, all if none is named, and yield what was done to each.

        Raises:
            LakeError: A named table does not exist, the catalog or Trino does not answer, another
                maintenance is at work, or a statement failed; tables before it are done.
        """
        catalog = lake.connect(self.layout.url("catalog"))
        names = table_names(catalog, named)
        with _alone(self.layout):
            for name in names:
                with self._sole_writer(name, say):
                    outcome = self._look_after(catalog, name)
                if outcome is not None:
                    yield outcome

    def _look_after(self, catalog: Catalog, name: str) -> Outcome | None:
        before = stats_of(catalog, name)
        if before is None:
            return None
        now = datetime.now(UTC)
        steps = maintenance.rewrites(before, now, self.policy)
        if self.is_dry_run:
            return Outcome(before, before, (*steps, *self._clean_up(before)))
        after = before
        if steps:
            self._execute(steps)
            after = stats_of(catalog, name) or before
            _check_rows(before, after)
        clean_up = self._clean_up(after)
        self._execute(clean_up)
        return Outcome(before, stats_of(catalog, name) or after, (*steps, *clean_up))

    def _clean_up(self, stats: TableStats) -> tuple[Step, ...]:
        """Plan it by the commits of this moment: rewrites before may have taken their time."""
        url = self.layout.url("catalog")
        try:
            commits = savepoints.commits_of(url, stats.identifier)
        except httpx.HTTPError as error:
            raise lake.CatalogUnreachableError(url, error) from error
        return maintenance.clean_up(stats, commits, datetime.now(UTC), self.policy)

    @contextmanager
    def _sole_writer(self, name: str, say: Say) -> Iterator[None]:
        """Keep dbt away from one of its tables; jobs may go on writing theirs."""
        if maintenance.is_written_by_jobs(name) or self.is_dry_run:
            yield
            return
        dbt.folder(self.layout).mkdir(parents=True, exist_ok=True)
        lock = FileLock(dbt.folder(self.layout) / "build.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"farol: dbt is at work, {name} waits for it to end")
            try:
                lock.acquire(timeout=_WAIT_FOR_DBT_S)
            except Timeout as error:
                raise MaintenanceError(
                    f"dbt has been at work on this stack for {_WAIT_FOR_DBT_S:.0f} s (lock "
                    f"{lock.lock_file}). Wait for it or stop it, then run farol lake maintain again"
                ) from error
        try:
            yield
        finally:
            lock.release()

    def _execute(self, steps: Sequence[Step]) -> None:
        for step in steps:
            execute(self.layout, step.statement)


def execute(layout: Layout, statement: str) -> list[list[Any]]:
    """Run one statement and return its rows; one that loses against another commit runs again.

    Raises:
        MaintenanceError: It lost five times, it failed, or Trino does not answer.
    """
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(ConflictError),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=10),
        reraise=True,
    )
    rows: list[list[Any]] = again(_once, layout, statement)
    return rows


def _once(layout: Layout, statement: str) -> list[list[Any]]:
    connection = trino_connection(layout, timeout_s=_TIMEOUT_S)
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        return [list(row) for row in cursor.fetchall()]
    except trino.exceptions.TrinoQueryError as error:
        kind = ConflictError if error.error_name in lake.CONFLICTS else StatementError
        raise kind(
            f"{statement} failed with {error.error_name}: {error.message}. The table is as it was "
            "before this statement; run `farol lake maintain` again"
        ) from error
    except (trino.exceptions.Error, RequestException, OSError) as error:
        raise MaintenanceError(
            f"Trino does not answer at {layout.url('trino')} ({type(error).__name__}). "
            "Start it: farol up catalog trino"
        ) from error
    finally:
        connection.close()


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    layout.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(layout.home / "maintenance.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise MaintenanceError(
            f"another maintenance is at work on this stack (lock {lock.lock_file}); "
            "wait for it to end"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _check_rows(before: TableStats, after: TableStats) -> None:
    """Want that a rewrite kept every row; a table of jobs may have grown meanwhile."""
    lost = before.row_count - after.row_count
    grown = lost < 0 and not maintenance.is_written_by_jobs(before.identifier)
    if lost > 0 or grown:
        namespace, table = before.identifier.split(".")
        raise MaintenanceError(
            f"{before.identifier} had {before.row_count} rows before it was compacted and has "
            f"{after.row_count} now. Its old snapshots were kept: they are in "
            f'{namespace}."{table}$snapshots"'
        )
