"""What a table of the lake is found to need, and what is never removed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.domain import RATINGS
from deploy.local.lake_stats import PartitionStats, TableStats
from deploy.local.maintenance import Kind, Policy, clean_up, oldest_testimony, rewrites
from deploy.local.savepoints import Commit

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BRONZE = RATINGS.bronze_table
MIB = 2**20
POLICY = Policy()


def part(name: str, small: int, *, small_mib: int = 1, deletes: int = 0) -> PartitionStats:
    return PartitionStats(name, 1000, small, small * small_mib * MIB, small, small * MIB, deletes)


def table(*parts: PartitionStats, name: str = BRONZE, **changes: object) -> TableStats:
    fields = {"manifest_count": 1, "snapshot_times_ms": (ms(timedelta(0)),), **changes}
    return TableStats(name, parts, **fields)  # type: ignore[arg-type]


def ms(ago: timedelta) -> int:
    return int((NOW - ago).timestamp() * 1000)


def commit(ago: timedelta, operator: str = "op-a", job: str = "job-1") -> Commit:
    return Commit(BRONZE, 1, ms(ago), job, operator, 7)


def threshold_s(statement: str) -> int:
    return int(statement.split("'")[1].removesuffix("s"))


def test_a_closed_partition_of_small_files_is_compacted_alone():
    found = rewrites(
        table(part("_ingestion_date=2026-03-09", 40), part("_ingestion_date=2026-03-10", 40)),
        NOW,
        POLICY,
    )
    (step,) = found
    assert step.kind is Kind.COMPACT
    assert step.statement.endswith("where _ingestion_date = date '2026-03-09'")
    assert "40 small files in the closed partition" in step.reason


def test_yesterday_is_open_until_its_last_commit_has_come():
    soon = datetime(2026, 3, 10, 0, 59, tzinfo=UTC)
    yesterday = table(part("_ingestion_date=2026-03-09", 40))
    assert rewrites(yesterday, soon, POLICY) == ()
    assert len(rewrites(yesterday, soon + timedelta(minutes=1), POLICY)) == 1


def test_an_open_partition_is_compacted_when_it_has_too_many_small_files():
    open_day = "_ingestion_date=2026-03-10"
    assert rewrites(table(part(open_day, POLICY.open_small_files)), NOW, POLICY) == ()
    (step,) = rewrites(table(part(open_day, POLICY.open_small_files + 1)), NOW, POLICY)
    assert "open partition" in step.reason


@pytest.mark.parametrize("small", [1, 2, 3])
def test_what_compaction_leaves_is_not_compacted_again(small: int):
    assert rewrites(table(part("_ingestion_date=2026-03-01", small)), NOW, POLICY) == ()


def test_rows_without_a_day_are_left_alone():
    assert rewrites(table(part("_ingestion_date=null", 50)), NOW, POLICY) == ()


def test_a_table_of_dbt_is_compacted_as_a_whole_for_small_files_or_deletes():
    name = "gold.fact_trips"
    (step,) = rewrites(table(part("", 40), name=name), NOW, POLICY)
    assert "where" not in step.statement
    (step,) = rewrites(table(part("", 1, deletes=9), name=name), NOW, POLICY)
    assert "9 files of deletes" in step.reason
    assert rewrites(table(part("", 1, deletes=8), name=name), NOW, POLICY) == ()


def test_manifests_are_rewritten_beyond_their_limit():
    assert rewrites(table(manifest_count=POLICY.manifests), NOW, POLICY) == ()
    (step,) = rewrites(table(manifest_count=POLICY.manifests + 1), NOW, POLICY)
    assert step.kind is Kind.MANIFESTS


def test_old_snapshots_go_and_the_current_one_stays_however_old():
    times = tuple(ms(timedelta(days=days)) for days in (9, 5, 4))
    expire, orphans = clean_up(table(snapshot_times_ms=times), (), NOW, POLICY)
    assert "2 of 3 snapshots" in expire.reason
    assert threshold_s(expire.statement) == POLICY.keep_snapshots.total_seconds()
    assert threshold_s(orphans.statement) == POLICY.keep_orphans.total_seconds()
    only = clean_up(table(snapshot_times_ms=times[:1]), (), NOW, POLICY)
    assert [step.kind for step in only] == [Kind.ORPHANS]


def test_nothing_younger_than_a_writers_newest_commit_is_removed():
    times = tuple(ms(timedelta(days=days)) for days in (9, 6, 5))
    commits = (commit(timedelta(days=8)), commit(timedelta(days=6)))
    for step in clean_up(table(snapshot_times_ms=times), commits, NOW, POLICY):
        assert threshold_s(step.statement) >= timedelta(days=6).total_seconds() + 3600, step


def test_nothing_young_is_removed_however_little_is_kept():
    impatient = replace(POLICY, keep_snapshots=timedelta(0), keep_orphans=timedelta(0))
    times = tuple(ms(timedelta(hours=hours)) for hours in (3, 2, 0))
    steps = clean_up(table(snapshot_times_ms=times), (), NOW, impatient)
    assert [threshold_s(step.statement) for step in steps] == [3600, 3600]


def test_a_job_that_writes_all_the_time_holds_nothing_back():
    expire, _ = clean_up(
        table(snapshot_times_ms=(ms(timedelta(days=9)), ms(timedelta(0)))),
        (commit(timedelta(minutes=1)),),
        NOW,
        POLICY,
    )
    assert threshold_s(expire.statement) == POLICY.keep_snapshots.total_seconds()


def test_the_oldest_newest_commit_of_all_operators_counts():
    commits = (
        commit(timedelta(days=20), "slow"),
        commit(timedelta(days=9), "slow"),
        commit(timedelta(days=8), "fast"),
        commit(timedelta(minutes=1), "fast"),
    )
    assert oldest_testimony(commits, POLICY) == NOW - timedelta(days=9)
    assert oldest_testimony((), POLICY) is None


def test_an_operator_silent_for_a_month_beside_another_is_gone():
    commits = (commit(timedelta(days=40), "gone"), commit(timedelta(days=1), "there"))
    assert oldest_testimony(commits, POLICY) == NOW - timedelta(days=1)
    alone = (commit(timedelta(days=400), "quiet"),)
    assert oldest_testimony(alone, POLICY) == NOW - timedelta(days=400)
