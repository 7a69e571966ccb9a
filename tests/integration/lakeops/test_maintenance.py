"""Maintenance beside a job that writes: every record stays, once, and files stay few."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from confluent_kafka import Producer
from filelock import FileLock
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table

from contracts.domain import PARTITIONS, TAXI_TRIPS
from deploy.local import dbt, desired_jobs, savepoints
from deploy.local.flink_rest import FlinkRest
from deploy.local.jobs import JobControl, JobError
from deploy.local.lake import connect
from deploy.local.lake_stats import TableStats, stats_of
from deploy.local.layout import Layout
from deploy.local.maintenance import Kind, Policy
from deploy.local.maintenance_run import Maintenance, Outcome, StatementError, execute
from deploy.local.sql_command import run_statement
from tests.integration.lakeops.rival import committing_first
from tests.stack_control import TestStack
from tests.waiting import eventually

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.catalog,
    pytest.mark.flink,
    pytest.mark.trino,
    pytest.mark.timeout(900),
]
INGEST = "ingest_bronze"
TOPIC = TAXI_TRIPS
TABLE, DLQ_TABLE = TOPIC.bronze_table, TOPIC.dlq_table
OPEN_FILES = 10
POLICY = Policy(
    keep_snapshots=timedelta(seconds=1),
    keep_orphans=timedelta(seconds=1),
    margin=timedelta(seconds=10),
    open_small_files=OPEN_FILES,
    manifests=5,
)
LEAST = {Kind.COMPACT: 4, Kind.EXPIRE: 2, Kind.MANIFESTS: 1}
"""Steps to see beside the writer: a closed day, and both tables' open day more than once."""
CLOSED_COMMITS, CLOSED_ROWS = 12, 50
FIRST_CLOSED_OFFSET = 10**12
Places = Counter[tuple[int, int]]


class Feed(threading.Thread):
    """Sends malformed trips all the time: each is to be in Bronze and in the DLQ table, once."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(daemon=True)
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._is_over = threading.Event()
        self.sent: Places = Counter()

    def run(self) -> None:
        number = 0
        while not self._is_over.wait(0.02):
            self._producer.produce(
                TOPIC.name, b"no json", str(number).encode(), on_delivery=self._note
            )
            self._producer.poll(0)
            number += 1

    def _note(self, _error: object, message: object) -> None:
        self.sent[(message.partition(), message.offset())] += 1  # type: ignore[attr-defined]

    def stop(self) -> Places:
        self._is_over.set()
        self.join()
        assert self._producer.flush(60) == 0
        return self.sent


def write_closed_partition(catalog: Catalog) -> Places:
    """Commit rows of a past day one small file at a time."""
    table = catalog.load_table(TABLE)
    past = datetime.now(UTC) - timedelta(days=2)
    places: Places = Counter()
    for number in range(CLOSED_COMMITS):
        rows = []
        for row in range(CLOSED_ROWS):
            place = (row % PARTITIONS, FIRST_CLOSED_OFFSET + number * CLOSED_ROWS + row)
            places[place] += 1
            rows.append(
                {
                    "_raw_value": b"no json",
                    "_kafka_topic": TOPIC.name,
                    "_kafka_partition": place[0],
                    "_kafka_offset": place[1],
                    "_ingested_at": past,
                    "_ingestion_date": past.date(),
                }
            )
        schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
        table.append(pa.Table.from_pylist(rows, schema=schema))
    return places


def places_in(catalog: Catalog, table: str) -> Places:
    columns = ("_kafka_partition", "_kafka_offset")
    rows = catalog.load_table(table).scan(selected_fields=columns).to_arrow().to_pylist()
    return Counter((row[columns[0]], row[columns[1]]) for row in rows)


def plant_orphan(layout: Layout, *, age: timedelta) -> Path:
    """Leave a file in the table's folder that no snapshot names."""
    path = next((layout.home / "warehouse").glob(f"{TABLE.replace('.', '/')}/data"))
    path /= f"orphan-{age.total_seconds():.0f}.parquet"
    path.write_bytes(b"left by a writer that died")
    then = time.time() - age.total_seconds()
    os.utime(path, (then, then))
    return path


def now_stats(catalog: Catalog, table: str = TABLE) -> TableStats:
    found = stats_of(catalog, table)
    assert found is not None
    return found


def flink_commits(layout: Layout) -> list[savepoints.Commit]:
    by_table = savepoints.commits_by_table(layout.url("catalog"))
    return next(commits for commits in by_table if commits and commits[0].table == TABLE)


def kinds(outcomes: list[Outcome]) -> Counter[Kind]:
    return Counter(step.kind for outcome in outcomes for step in outcome.done)


@pytest.fixture(scope="module")
def control(lake_stack: TestStack, layout: Layout) -> Iterator[JobControl]:
    lake_stack.up("kafka", "catalog", "taskmanager", "trino")
    # other modules of this folder may have put records of the city into them
    catalog = connect(lake_stack.url("catalog"))
    for name in (TABLE, DLQ_TABLE):
        catalog.drop_table(name)
    lake_stack.run("lake", "init")
    with FlinkRest(layout.url("flink")) as rest:
        yield JobControl(layout, rest)
        for job in rest.jobs():
            if not job.has_ended:
                rest.cancel(job.job_id)


def test_beside_a_writing_job_nothing_is_lost_and_files_are_bounded(
    lake_stack: TestStack, layout: Layout, control: JobControl
) -> None:
    catalog = connect(lake_stack.url("catalog"))
    closed = write_closed_partition(catalog)
    orphan = plant_orphan(layout, age=timedelta(days=1))
    job_id = control.submit(INGEST, is_fresh=True)
    control.wait_until_computing(INGEST, job_id)
    feed = Feed(lake_stack.kafka)
    feed.start()

    done: list[Outcome] = []
    most_files = 0
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        done += Maintenance(layout, POLICY).run((TABLE, DLQ_TABLE), lambda _line: None)
        most_files = max(most_files, now_stats(catalog).file_count)
        counts = kinds(done)
        if all(counts[kind] >= least for kind, least in LEAST.items()):
            break
    young = plant_orphan(layout, age=timedelta(0))
    *_, last = Maintenance(layout, POLICY).run((TABLE,), lambda _line: None)
    assert young.exists(), "it could be a checkpoint's that is not committed yet"
    sent = feed.stop()
    # a savepoint does not wait for what the job has not read
    wanted = sent + closed
    eventually(lambda: len(places_in(catalog, TABLE)) >= len(wanted), "all are in Bronze")
    assert control.stop(INGEST)

    assert kinds(done) >= Counter(LEAST)
    assert places_in(catalog, TABLE) == wanted
    assert places_in(catalog, DLQ_TABLE) == sent
    assert not orphan.exists()
    by_day = {part.name: part.file_count for part in last.after.partitions}
    assert len(by_day) == 2
    assert by_day.pop(min(by_day)) <= 3, "the closed day"
    assert by_day.popitem()[1] <= 2 * OPEN_FILES
    # the loop saw the table right after each maintenance; the job commits once a second meanwhile
    assert most_files <= CLOSED_COMMITS + 4 * OPEN_FILES


def test_what_it_keeps_tells_an_old_savepoint_from_the_newest(
    lake_stack: TestStack, layout: Layout, control: JobControl
) -> None:
    catalog = connect(lake_stack.url("catalog"))
    before = places_in(catalog, TABLE)
    old = desired_jobs.read(layout)[INGEST].resume_from
    assert old
    control.wait_until_computing(INGEST, control.resume(INGEST))
    feed = Feed(lake_stack.kafka)
    feed.start()
    stopped_at = flink_commits(layout)[-1].committed_at_ms
    eventually(
        lambda: sum(c.committed_at_ms > stopped_at for c in flink_commits(layout)) >= 5,
        "the job commits again",
    )
    sent = feed.stop()
    newest = control.stop(INGEST)
    # rewrites on top of the last commit of the job, then as little history as there may be
    again = Policy(
        keep_snapshots=timedelta(0),
        keep_orphans=timedelta(0),
        margin=timedelta(seconds=1),
        open_small_files=1,
        manifests=0,
    )
    list(Maintenance(layout, again).run((TABLE, DLQ_TABLE), lambda _line: None))
    list(Maintenance(layout, again).run((TABLE, DLQ_TABLE), lambda _line: None))
    commits = flink_commits(layout)
    assert 1 <= len(commits) <= 3
    assert newest

    with pytest.raises(JobError, match="older than what the lake holds"):
        control.resume(INGEST, start_from=old)
    job_id = control.resume(INGEST, start_from=newest)
    control.wait_until_computing(INGEST, job_id)
    last = Feed(lake_stack.kafka)
    last.start()
    eventually(lambda: len(last.sent) >= 100, "records are sent")
    sent += last.stop()
    eventually(
        lambda: len(places_in(catalog, TABLE)) >= len(before) + len(sent), "all are in Bronze"
    )
    control.stop(INGEST)
    assert places_in(catalog, TABLE) == before + sent


def test_a_table_of_dbt_waits_for_a_build_to_end(lake_stack: TestStack, layout: Layout) -> None:
    catalog = connect(lake_stack.url("catalog"))
    rows = pa.table({"number": [1, 2, 3]})
    table = catalog.create_table("silver.small", schema=rows.schema)
    for _ in range(8):
        table.append(rows)
    dbt.folder(layout).mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    outcomes: list[Outcome] = []

    def maintain() -> None:
        outcomes.extend(Maintenance(layout, POLICY).run(("silver.small",), said.append))

    with FileLock(dbt.folder(layout) / "build.lock"):
        worker = threading.Thread(target=maintain)
        worker.start()
        deadline = time.monotonic() + 60
        while not said and time.monotonic() < deadline:
            time.sleep(0.1)
        refused = lake_stack.run("lake", "maintain", check=False)
        assert now_stats(catalog, "silver.small").file_count == 8
    worker.join(120)
    assert said == ["farol: dbt is at work, silver.small waits for it to end"]
    assert refused.returncode == 1
    assert "another maintenance is at work" in refused.stderr
    (outcome,) = outcomes
    assert (outcome.before.file_count, outcome.after.file_count) == (8, 1)
    assert outcome.after.row_count == 24
    shown = lake_stack.run("lake", "stats", "--table", "silver.small").stdout
    assert "silver.small" in shown
    unknown = lake_stack.run("lake", "stats", "--table", "silver.none", check=False)
    assert unknown.returncode == 1
    assert "no table 'silver.none'" in unknown.stderr
    catalog.drop_table("silver.small")


def contended(catalog: Catalog) -> Table:
    """Return a table of the numbers below a hundred in ten files."""
    schema = pa.schema([("number", pa.int64())])
    table = catalog.create_table("silver.contended", schema=schema)
    for start in range(0, 100, 10):
        table.append(numbers(start, start + 10))
    return table


def numbers(start: int, end: int) -> pa.Table:
    return pa.table({"number": list(range(start, end))}, pa.schema([("number", pa.int64())]))


@pytest.mark.parametrize(
    ("rival", "kept", "ends"),
    [
        # the files that were read are not there any more: all of it again
        (lambda table: table.delete("number < 15"), range(15, 100), ["FAILED", "FINISHED"]),
        # Iceberg lets an append pass
        (lambda table: table.append(numbers(100, 110)), range(110), ["FINISHED"]),
    ],
    ids=["rewrites", "appends"],
)
def test_a_rewrite_that_is_not_the_first_to_commit_runs_again_and_keeps_every_row(
    lake_stack: TestStack,
    layout: Layout,
    rival: Callable[[Table], None],
    kept: range,
    ends: list[str],
) -> None:
    catalog = connect(lake_stack.url("catalog"))
    table = contended(catalog)
    statement = f"alter table lake.silver.contended execute optimize -- beside {ends}"
    with committing_first(layout, "silver.contended", lambda: rival(table)):
        execute(layout, statement)
    rows = catalog.load_table("silver.contended").scan().to_arrow()["number"].to_pylist()
    assert sorted(rows) == list(kept)
    assert now_stats(catalog, "silver.contended").file_count <= 2
    catalog.drop_table("silver.contended")
    escaped = statement.replace("'", "''")
    told = run_statement(
        layout,
        f"select state from system.runtime.queries where query = '{escaped}' order by created",  # noqa: S608
    )
    assert [row[0] for row in told[1]] == ends


def test_a_statement_that_cannot_run_is_not_tried_again(
    lake_stack: TestStack, layout: Layout
) -> None:
    lake_stack.up("catalog", "trino")
    with pytest.raises(StatementError, match="TABLE_NOT_FOUND"):
        execute(layout, "alter table lake.silver.nowhere execute optimize")
