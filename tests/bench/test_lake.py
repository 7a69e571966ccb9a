"""Silver and Gold over millions of records: builds, questions, and Trino beside DuckDB.

`FAROL_BENCH_ROWS` says how many records (5 million by default), `FAROL_BENCH_ENGINES` which engines
(`trino,duckdb`). Builds leave tests of the data out: their time is not the models'. Trino has more
memory than by default: staging takes all that is new at once.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import httpx
import pytest

from deploy.local import dbt
from deploy.local.lake import connect
from deploy.local.lake_stats import stats_of, table_names
from deploy.local.layout import Layout
from deploy.local.probes import trino_connection
from deploy.local.queries import Query, Value, all_queries
from deploy.local.sql_command import run_statement
from tests.bench.bronze_city import BronzeCity
from tests.bench.kit import machine, say
from tests.conftest import StackFactory
from tests.stack_control import ROOT, TestStack

ROWS: Final = int(os.environ.get("FAROL_BENCH_ROWS", "5000000"))
NEW_ROWS: Final = 100_000
ENGINES: Final = tuple(os.environ.get("FAROL_BENCH_ENGINES", "trino,duckdb").split(","))
QUERIES: Final = ROOT / "sql" / "trino" / "queries"
MIB: Final = 2**20
NO_DAY: Final = "2100-01-01"
"""After every record: a question from it on has nothing to read."""
HEAP_MIB: Final = 8192
NOT_FOR_DUCKDB: Final = ("trips_at_each_build", "trips_then_and_now")
JUST_NOW: Final = {"trips_then_and_now": {"hours_ago": "0.001"}}
SCANS: Final = frozenset({"TableScanOperator", "ScanFilterAndProjectOperator"})
"""What Trino calls the operators that read tables."""
NEWEST_DAY: Final = "select max(requested_date) from lake.gold.fact_trips"
ALIKE: Final = (
    # what Trino calls it; both estimate
    "create temp macro approx_percentile(value, share) as approx_quantile(value, share)",
)

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3 * 3600)]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, asked of Trino after it was warm.

    Attributes:
        seconds: Wall time until the last row.
        rows_read: By all scans.
        bytes_read: From storage.
        splits: Files of tables that were read, those beyond 128 MiB counted more than once.
    """

    seconds: float
    rows_read: int
    bytes_read: int
    splits: int


def test_lake(new_stack: StackFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = new_stack(FAROL_TRINO_HEAP_MIB=str(HEAP_MIB))
    stack.up("catalog", "trino")
    layout = Layout.from_environment(stack.env)
    catalog = connect(layout.url("catalog"))
    with capsys.disabled():
        say(f"\n{machine()}")
        city = BronzeCity(catalog, tmp_path)
        began = time.monotonic()
        sent = city.send(ROWS)
        say(f"{sent:,} records in Bronze after {time.monotonic() - began:.0f} s")
        _report_tables(layout, "bronze.")
        _build(stack, "first build")
        sent = city.send(NEW_ROWS)
        say(f"{sent:,} records more")
        _build(stack, "with these")
        _build(stack, "nothing new")
        _report_tables(layout, "silver.", "gold.")
        _ask_all(layout)
        say(f"all of it took {time.monotonic() - began:.0f} s")


def _build(stack: TestStack, what: str) -> None:
    words = ("dbt", "build", "--exclude-resource-type", "test", "unit_test")
    for engine in ENGINES:
        began = time.monotonic()
        chosen = () if engine == "trino" else ("--engine", engine)
        stack.run(*words, *chosen, timeout_s=2 * 3600)
        say(f"{what:12} {engine:7} {time.monotonic() - began:7.1f} s")


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _report_tables(layout: Layout, *prefixes: str) -> None:
    catalog = connect(layout.url("catalog"))
    found = [
        stats
        for name in table_names(catalog)
        if name.startswith(prefixes) and (stats := stats_of(catalog, name)) and stats.row_count
    ]
    for stats in sorted(found, key=lambda each: -each.bytes)[:8]:
        say(
            f"  {stats.identifier:36} {stats.row_count:>10,} rows {stats.file_count:>5,} files "
            f"{stats.bytes / MIB:>8,.1f} MiB"
        )
    files, size = (sum(getattr(each, name) for each in found) for name in ("file_count", "bytes"))
    say(f"  {len(found)} tables, {files:,} files, {size / MIB:,.1f} MiB")


def _ask_all(layout: Layout) -> None:
    queries = all_queries(QUERIES)
    _, ((newest,),) = run_statement(layout, NEWEST_DAY)
    say(f"{'question':32}  Trino s  DuckDB s    rows read     MiB  splits; of {newest} alone")
    not_pruned = []
    for query in queries:
        given = JUST_NOW.get(query.name, {})
        asked = _best(layout, query, given)
        assert asked.splits, f"{query.name} has read nothing, or Trino names its scans anew"
        local = _duckdb(layout, query)
        beside = "-" if local is None else f"{local:.3f}"
        line = (
            f"{query.name:32} {asked.seconds:8.2f} {beside:>9} {asked.rows_read:>12,} "
            f"{asked.bytes_read / MIB:>7.1f} {asked.splits:>7}"
        )
        days = [p.name for p in query.parameters if p.kind == "date"]
        if days:
            one = _best(layout, query, dict(given) | dict.fromkeys(days, str(newest)))
            line += f"; {one.seconds:.2f} s {one.rows_read:,} rows {one.splits} splits"
            never = dict(given) | dict.fromkeys(days, NO_DAY)
            none = _trino(layout, *query.bound(never))
            if none.rows_read > asked.rows_read / 10 and none.rows_read > 10_000:
                not_pruned.append(f"{query.name}: {none.rows_read:,} of {asked.rows_read:,} rows")
        say(line)
    assert not not_pruned, f"a date was given and these read on: {not_pruned}"


def _best(layout: Layout, query: Query, given: Mapping[str, str]) -> Asked:
    """Return the fastest of three answers of a server that knows the question."""
    statement, values = query.bound(given)
    _trino(layout, statement, values)
    return min((_trino(layout, statement, values) for _ in range(3)), key=lambda each: each.seconds)


def _trino(layout: Layout, statement: str, values: Sequence[Value]) -> Asked:
    connection: Any = trino_connection(layout, timeout_s=600)
    try:
        cursor = connection.cursor()
        began = time.monotonic()
        cursor.execute(statement, list(values) or None)
        cursor.fetchall()
        seconds = time.monotonic() - began
        stats = cursor.stats
        splits = _splits(layout, stats["queryId"])
    finally:
        connection.close()
    return Asked(
        seconds,
        int(stats["processedRows"]),
        int(stats.get("physicalInputBytes", stats["processedBytes"])),
        splits,
    )


def _splits(layout: Layout, query_id: str) -> int:
    """Return how many splits a query's scans have read; a stage may scan and join at once."""
    answer = httpx.get(
        f"{layout.url('trino')}/v1/query/{query_id}", headers={"X-Trino-User": "farol"}, timeout=30
    )
    operators = answer.raise_for_status().json()["queryStats"]["operatorSummaries"]
    return sum(
        each["totalDrivers"]
        for each in operators
        if each["operatorType"] in SCANS and each["inputPositions"]
    )


def _duckdb(layout: Layout, query: Query) -> float | None:
    """Return seconds on the tables that DuckDB built, None for a question to snapshots."""
    if "duckdb" not in ENGINES or query.name in NOT_FOR_DUCKDB:
        return None
    statement, values = query.bound({})
    path = dbt.folder(layout) / "duckdb" / "lake.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        for macro in ALIKE:
            connection.execute(macro)
        return min(
            _timed(lambda: connection.execute(statement, list(values)).fetchall()) for _ in range(3)
        )
