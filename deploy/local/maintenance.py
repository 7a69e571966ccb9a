"""What a table of the lake needs: the pure half of `farol lake maintain`.

A plan is made of a table's statistics, the commits of the jobs that write it, and the time. Two
rules keep it safe beside live writers. Snapshots are kept back to the newest commit of every
operator that writes the table: by them a job knows on recovery what is committed, and Farol whether
a savepoint is too old (decision 0013). Files that no snapshot names are removed only where they are
older than that commit as well: those a checkpoint has yet to commit are younger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from contracts.tables import CATALOG, TABLES
from deploy.local.lake_stats import SMALL_FILE_BYTES, PartitionStats, TableStats
from deploy.local.savepoints import Commit

_MIB: Final = 2**20
_TARGET_BYTES: Final = 2 * SMALL_FILE_BYTES
_WRITERS: Final = 2
"""Files that compaction may leave half full: one for each writer task of Trino."""
_PARTITION_COLUMNS: Final = {spec.identifier: spec.partition_by for spec in TABLES}


@dataclass(frozen=True, slots=True)
class Policy:
    """How long things are kept, and from when on a table is worth work.

    Attributes:
        keep_snapshots: How far back one can travel in time.
        keep_orphans: How old a file without a snapshot must be to be removed.
        margin: Longer than a job takes from writing a file to its commit, and than Trino from
            being told what to clean up to doing so.
        closed_after: A day's partition is closed this long after its end.
        open_small_files: A partition that is written is compacted beyond so many small files.
        delete_files: A table is compacted beyond so many files of deletes.
        manifests: They are rewritten beyond so many.
        retired_after: An operator silent for so long, while another writes, is taken for gone.
    """

    keep_snapshots: timedelta = timedelta(days=3)
    keep_orphans: timedelta = timedelta(days=3)
    margin: timedelta = timedelta(hours=1)
    closed_after: timedelta = timedelta(hours=1)
    open_small_files: int = 100
    delete_files: int = 8
    manifests: int = 30
    retired_after: timedelta = timedelta(days=30)


class Kind(StrEnum):
    """What a step does."""

    COMPACT = "compact"
    MANIFESTS = "manifests"
    EXPIRE = "expire"
    ORPHANS = "orphans"


@dataclass(frozen=True, slots=True)
class Step:
    """One statement for Trino and why it is due."""

    kind: Kind
    statement: str
    reason: str


def is_written_by_jobs(identifier: str) -> bool:
    """Return whether jobs write the table; the others are dbt's."""
    return identifier in _PARTITION_COLUMNS


def oldest_testimony(commits: Sequence[Commit], policy: Policy) -> datetime | None:
    """Return when the snapshot was committed back to which a table's history must reach.

    It is the oldest among the newest commits of each operator; None where no job has written.
    """
    newest: dict[str, int] = {}
    for commit in commits:
        newest[commit.operator_id] = max(newest.get(commit.operator_id, 0), commit.committed_at_ms)
    if not newest:
        return None
    retired_ms = max(newest.values()) - policy.retired_after / timedelta(milliseconds=1)
    living = [moment for moment in newest.values() if moment >= retired_ms]
    return datetime.fromtimestamp(min(living) / 1000, UTC)


def rewrites(stats: TableStats, now: datetime, policy: Policy) -> tuple[Step, ...]:
    """Return the steps that put the same rows into fewer files and manifests.

    Args:
        stats: The table as it is.
        now: Time of the clock that stamps snapshots and files.
        policy: Thresholds.
    """
    steps = _compactions(stats, now, policy)
    if stats.manifest_count > policy.manifests:
        statement = _execute(stats, "optimize_manifests")
        steps.append(Step(Kind.MANIFESTS, statement, f"{stats.manifest_count} manifests"))
    return tuple(steps)


def clean_up(
    stats: TableStats, commits: Sequence[Commit], now: datetime, policy: Policy
) -> tuple[Step, ...]:
    """Return the steps that remove what nobody needs, each with how old it must be.

    To be carried out at once, well within the margin: a threshold is an age, not a moment.

    Args:
        stats: The table as it is, after rewrites.
        commits: The Flink commits in its history, oldest first.
        now: Time of the clock that stamps snapshots and files.
        policy: Thresholds.
    """
    testimony = oldest_testimony(commits, policy)
    # younger than the margin nothing goes: a job's first commit may follow the reading of commits
    snapshots_since = now - max(policy.keep_snapshots, policy.margin)
    orphans_since = now - max(policy.keep_orphans, policy.margin)
    if testimony is not None:
        snapshots_since = min(snapshots_since, testimony - policy.margin)
        orphans_since = min(orphans_since, testimony - policy.margin)
    steps = []
    expired = [
        moment for moment in stats.snapshot_times_ms[:-1] if moment < _milliseconds(snapshots_since)
    ]
    if expired:
        steps.append(
            Step(
                Kind.EXPIRE,
                _execute(stats, f"expire_snapshots{_older(now, snapshots_since)}"),
                f"{len(expired)} of {stats.snapshot_count} snapshots are older than "
                f"{snapshots_since:%Y-%m-%d %H:%M:%S}",
            )
        )
    steps.append(
        Step(
            Kind.ORPHANS,
            _execute(stats, f"remove_orphan_files{_older(now, orphans_since)}"),
            f"files before {orphans_since:%Y-%m-%d %H:%M:%S} that no snapshot names",
        )
    )
    return tuple(steps)


def _compactions(stats: TableStats, now: datetime, policy: Policy) -> list[Step]:
    optimize = f"optimize(file_size_threshold => '{SMALL_FILE_BYTES // _MIB}MB')"
    columns = _PARTITION_COLUMNS.get(stats.identifier, ())
    if not columns:
        # nobody else writes meanwhile, so all partitions go at once
        due = [part for part in stats.partitions if _gains(part)]
        if not due and stats.delete_file_count <= policy.delete_files:
            return []
        reason = (
            f"{stats.small_file_count} small files in {len(stats.partitions)} partitions, "
            f"{stats.delete_file_count} files of deletes"
        )
        return [Step(Kind.COMPACT, _execute(stats, optimize), reason)]
    steps = []
    for part in stats.partitions:
        day = _day(part)
        if day is None:
            continue
        is_closed = day < (now - policy.closed_after).date()
        if not _gains(part) or not (is_closed or part.small_file_count > policy.open_small_files):
            continue
        where = f" where {columns[0]} = date '{day.isoformat()}'"
        state = "closed" if is_closed else "open"
        reason = f"{part.small_file_count} small files in the {state} partition {part.name}"
        steps.append(Step(Kind.COMPACT, _execute(stats, optimize) + where, reason))
    return steps


def _gains(part: PartitionStats) -> bool:
    """Return whether compaction leaves fewer files, so that a second run finds nothing to do."""
    return part.small_file_count > -(-part.small_bytes // _TARGET_BYTES) + _WRITERS


def _day(part: PartitionStats) -> date | None:
    """Return the day of a partition; None for rows without one, which no job writes."""
    text = part.name.split("=", 1)[1]
    return None if text == "null" else date.fromisoformat(text)


def _older(now: datetime, since: datetime) -> str:
    seconds = -((since - now) // timedelta(seconds=1))
    return f"(retention_threshold => '{max(seconds, 0)}s')"


def _execute(stats: TableStats, procedure: str) -> str:
    return f"alter table {CATALOG}.{stats.identifier} execute {procedure}"


def _milliseconds(moment: datetime) -> float:
    return moment.timestamp() * 1000
