"""Builds over an imperfect run in two halves, against an independent computation."""

import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contracts.domain import DRIVER_STATUS, GPS_PINGS, PAYMENTS, TRIPS
from contracts.validation import reject_reason
from deploy.local.layout import Layout
from deploy.local.queries import named
from deploy.local.sql_command import run_statement
from tests.integration.lake import oracle
from tests.integration.lake.bronze import BronzeWriter
from tests.integration.lake.conftest import Lake
from tests.integration.lake.mutations import variants
from tests.integration.lake.records import STAGED, Record, city

pytestmark = [pytest.mark.trino, pytest.mark.catalog, pytest.mark.timeout(3000)]

QUERIES = Path(__file__).parents[3] / "sql" / "trino" / "queries"
STAGING = {
    TRIPS.name: "stg_trips",
    GPS_PINGS.name: "stg_gps_pings",
    DRIVER_STATUS.name: "stg_driver_status",
    PAYMENTS.name: "stg_payments",
}
INCREMENTAL = (
    *(f"silver.{name}" for name in STAGING.values()),
    "silver.removed_records",
    "gold.fact_trips",
    "gold.fact_payments",
    "gold.agg_hourly_zone_demand",
)
Tables = dict[str, list[dict[str, Any]]]


def contents(lake: Lake) -> Tables:
    """Return every table that grows, its rows in a fixed order."""
    found: Tables = {}
    for table in INCREMENTAL:
        found[table] = sorted(lake.rows(f"select * from {table}"), key=repr)  # noqa: S608
    return found


def imperfect_halves(seed: int) -> tuple[list[Record], list[Record]]:
    """Return a run cut amid its trips, with faults of every kind in both halves.

    Some events of the first half come only in the second (late), some of the first come again in
    the second (duplicates across builds), and each half has every malformed variant there is.
    """
    rng = random.Random(seed)
    records = sorted(
        city(seed, trips=90).records, key=lambda r: json.loads(r.value or b"")["event_time"]
    )
    middle = len(records) * 2 // 3
    late = [r for r in records[:middle] if r.key and rng.random() < 0.05]
    late_ids = {id(record) for record in late}
    first = [record for record in records[:middle] if id(record) not in late_ids]
    again = [r for r in first if r.key and rng.random() < 0.1]
    second = late + records[middle:] + again
    first += [r for r in first if r.key and rng.random() < 0.1]
    malformed = [
        Record(topic.name, rng.randrange(4), b"key", value)
        for topic in STAGED
        for value in variants(topic)
        if reject_reason(topic.name, value) is not None
    ]
    for half in (first, second):
        for record in malformed:
            half.insert(rng.randrange(len(half)), record)
    return first, second


@dataclass
class History:
    """What the tables held after each step."""

    rows: list[tuple[Record, int]]
    first_count: int
    steps: dict[str, Tables] = field(default_factory=dict)


@pytest.fixture(scope="module")
def history(lake: Lake) -> History:
    """Build over nothing, the first half, again, the second half, and anew."""
    writer = BronzeWriter(lake.catalog)
    steps: dict[str, Tables] = {}
    lake.dbt("build")
    steps["empty"] = contents(lake)
    first, second = imperfect_halves(7)
    writer.append(first)
    first_count = len(writer.rows)
    lake.dbt("build")
    steps["first"] = contents(lake)
    lake.dbt("run")
    steps["again"] = contents(lake)
    writer.append(second[: len(second) // 3])
    writer.append(second[len(second) // 3 :])
    lake.dbt("build")
    steps["second"] = contents(lake)
    lake.dbt("run", "--full-refresh")
    steps["refreshed"] = contents(lake)
    return History(writer.rows, first_count, steps)


def test_an_empty_bronze_builds_empty_tables(history: History) -> None:
    assert history.steps["empty"] == {table: [] for table in INCREMENTAL}


@pytest.mark.parametrize("step", ["first", "second"])
def test_silver_is_bronze_less_malformed_duplicates_and_controls(
    history: History, step: str
) -> None:
    tables = history.steps[step]
    rows = history.rows[: history.first_count] if step == "first" else history.rows
    judged = oracle.judge(rows)
    kinds = {kind for _, _, kind in judged}
    assert kinds == {"event", "malformed", "duplicate", "control"}
    for topic, name in STAGING.items():
        found = tables[f"silver.{name}"]
        assert found, name
        columns = [column for column in found[0] if not column.startswith("_")]
        wanted = oracle.staged(judged, topic, columns)
        assert found == sorted(wanted, key=repr), topic
    removed = {
        (row["topic"], row["kafka_partition"], row["kafka_offset"]): row["reason"]
        for row in tables["silver.removed_records"]
    }
    assert removed == {
        (record.topic, record.partition, offset): kind
        for record, offset, kind in judged
        if kind != "event"
    }
    assert {row["run_id"] for row in tables["silver.removed_records"]} == {"run-1"}


@pytest.mark.parametrize("step", ["first", "second"])
def test_trips_have_their_milestones_and_hours_their_demand(history: History, step: str) -> None:
    tables = history.steps[step]
    wanted = oracle.trips(tables["silver.stg_trips"])
    found = {row["trip_id"]: row for row in tables["gold.fact_trips"]}
    assert found.keys() == wanted.keys()
    for trip_id, facts in wanted.items():
        assert {name: found[trip_id][name] for name in facts} == facts
    demand = {
        (row["zone_id"], row["hour_start"], row["currency"]): row
        for row in tables["gold.agg_hourly_zone_demand"]
    }
    expected = oracle.demand(wanted)
    assert demand.keys() == expected.keys()
    for key, figures in expected.items():
        assert {name: demand[key][name] for name in figures} == pytest.approx(figures)


def test_trips_progress_and_late_events_repair_what_was_built(history: History) -> None:
    before = {row["trip_id"]: row for row in history.steps["first"]["gold.fact_trips"]}
    after = {row["trip_id"]: row for row in history.steps["second"]["gold.fact_trips"]}
    assert before.keys() <= after.keys()
    assert any(not row["is_final"] and after[trip]["is_final"] for trip, row in before.items())
    assert any(
        row["requested_at"] is None and after[trip]["requested_at"] for trip, row in before.items()
    )


@pytest.mark.usefixtures("history")
def test_the_unit_tests_of_the_models_pass(lake: Lake) -> None:
    printed = lake.dbt("test", "--select", "test_type:unit")
    assert re.search(r"PASS=[1-9][0-9]* WARN=0 ERROR=0 SKIP=0", printed), printed


def test_building_again_changes_nothing(history: History) -> None:
    assert history.steps["again"] == history.steps["first"]


def test_a_full_refresh_gives_what_increments_gave(history: History) -> None:
    assert history.steps["refreshed"] == history.steps["second"]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("name", [path.stem for path in sorted(QUERIES.glob("*.sql"))])
def test_every_named_question_has_an_answer(lake: Lake, name: str) -> None:
    statement, values = named(QUERIES, name).bound({})
    layout = Layout.from_environment(lake.stack.env)
    columns, found = run_statement(layout, statement, values)
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    assert rows
    if name == "trip_funnel":
        assert [row["state"] for row in rows][:2] == ["REQUESTED", "OFFER_SENT"]
        assert rows[0]["trips_reached"] == 90
