"""Builds over an imperfect run in two halves, against an independent computation."""

import json
import re
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path
from string import Template
from typing import Any

import pytest

from contracts.domain import DRIVER_PROFILES, INPUT_TOPICS, PAYMENTS, RIDER_PROFILES, TRIPS
from deploy.local import dbt
from deploy.local.layout import Layout
from deploy.local.queries import Query, all_queries
from deploy.local.sql_command import run_statement
from tests.integration.lake import oracle
from tests.integration.lake.conftest import Lake
from tests.integration.lake.history import (
    ANOMALIES,
    FIXED,
    GOLD,
    GROWING,
    PRECISE,
    UNKNOWN_ZONE,
    History,
    build_step_by_step,
    comparable,
    duckdb_contents,
)
from tests.integration.lake.records import START_MS
from tests.integration.lake.vectors import vectors

pytestmark = [pytest.mark.trino, pytest.mark.catalog, pytest.mark.timeout(3000)]

QUERIES = Path(__file__).parents[3] / "sql" / "trino" / "queries"
LITERALS = {"date": "date '{}'", "count": "{}", "integer": "{}", "number": "{}", "hours": "{}"}
A_MONTH = {"first_day": "2026-03-01", "last_day": "2026-03-31"}
RARE = {f"rideshare.{n}" for n in ("driver_profiles", "rider_profiles", "ratings", "surge_updates")}
AS_IT_WAS = "trips_then_and_now"
"""The question that needs a snapshot of some age."""
DATED = [
    query
    for query in all_queries(QUERIES)
    if any(parameter.kind == "date" for parameter in query.parameters) and query.name != AS_IT_WAS
]


@pytest.fixture(scope="module")
def history(lake: Lake) -> History:
    return build_step_by_step(lake)


def test_an_empty_bronze_builds_empty_tables(history: History) -> None:
    assert history.steps["empty"] == {table: [] for table in GROWING}
    assert {table for table, rows in history.duckdb_empty.items() if rows} == FIXED


def test_the_checks_of_an_empty_lake_pass(history: History) -> None:
    assert re.findall(r"(?:ERROR|WARN)=(\d+)", history.empty_build) == ["0"] * 10
    assert re.search(r"^[1-9]\d* pass, 0 warn, 0 fail$", history.empty_build, re.MULTILINE)


@pytest.mark.parametrize("step", ["first", "second"])
def test_silver_is_bronze_less_malformed_duplicates_and_controls(
    history: History, step: str
) -> None:
    tables = history.steps[step]
    rows = history.rows[: history.first_count] if step == "first" else history.rows
    judged = oracle.judge(rows)
    kinds = {kind for _, _, kind in judged}
    assert kinds == {"event", "malformed", "duplicate", "control"}
    for topic in INPUT_TOPICS:
        found = tables[topic.staging_table]
        assert found, topic.staging_table
        columns = [column for column in found[0] if not column.startswith("_")]
        wanted = oracle.staged(judged, topic.name, columns)
        assert found == sorted(wanted, key=repr), topic.name
    removed = {
        (row["topic"], row["kafka_partition"], row["kafka_offset"]): row["reason"]
        for row in tables["silver.removed_records"]
    }
    assert removed == {
        (record.topic, record.partition, offset): kind
        for record, offset, kind in judged
        if kind != "event"
    }
    runs = {row["run_id"] for row in tables["silver.removed_records"]}
    odd = {"\ufffd-run"} if step == "second" else set()
    assert runs == {"run-1", *vectors("silences"), *odd}


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


def test_a_request_that_comes_late_moves_its_trip_to_another_day(
    history: History, lake: Lake
) -> None:
    before, after = (
        {row["trip_id"]: row["requested_date"] for row in history.steps[step]["gold.fact_trips"]}
        for step in ("first", "second")
    )
    moved = {trip for trip, day in before.items() if after[trip] != day}
    assert len(moved) > 5
    assert {(str(before[trip]), str(after[trip])) for trip in moved} == {
        ("2026-03-01", "2026-02-28"),
        ("2026-03-01", "2026-02-27"),
    }
    in_partitions = lake.rows(
        'select partition.requested_date as day, record_count from gold."fact_trips$partitions"'
    )
    assert {row["day"]: row["record_count"] for row in in_partitions} == Counter(after.values())


def test_rows_that_cannot_be_are_counted_and_stop_nothing(history: History) -> None:
    tables = history.steps["second"]
    for table in ("gold.agg_hourly_zone_demand", "gold.agg_surge_history"):
        assert UNKNOWN_ZONE in {row["zone_id"] for row in tables[table]}, table
    (paid,) = (row for row in tables["gold.fact_payments"] if row["trip_id"] == "trip-900")
    assert paid["fare_minor"] == paid["fee_minor"] + paid["payout_minor"] - 1
    assert paid["event_id"] != "told-again"
    assert "told-again" in {row["event_id"] for row in tables["silver.stg_payments"]}
    (rated,) = (row for row in tables["gold.fact_ratings"] if row["trip_id"] == "trip-of-nobody")
    assert rated["rated_at"] == oracle.instant(PRECISE)


@pytest.mark.usefixtures("history")
def test_the_unit_tests_of_the_models_pass(lake: Lake) -> None:
    printed = lake.dbt("test", "--select", "test_type:unit")
    assert re.search(r"PASS=[1-9][0-9]* WARN=0 ERROR=0 SKIP=0", printed), printed


@pytest.mark.usefixtures("history")
def test_unit_tests_pass_and_checks_of_health_run_on_duckdb_too(lake: Lake) -> None:
    chosen = ("--select", "test_type:unit", f"tag:{dbt.HEALTH_TAG}")
    # a check that warns or fails is an answer, an error is none
    said = lake.stack.run("dbt", "--engine", "duckdb", "test", *chosen, check=False).stdout
    path = lake.stack.home / "dbt" / "duckdb" / "target" / "run_results.json"
    ended: dict[str, list[str]] = {"unit_test": [], "test": []}
    for row in json.loads(path.read_text(encoding="utf-8"))["results"]:
        ended[row["unique_id"].split(".")[0]].append(row["status"])
    assert set(ended["unit_test"]) == {"pass"}, said
    assert ended["test"]
    assert set(ended["test"]) <= {"pass", "warn", "fail"}, said


def test_dimensions_have_the_versions_and_trips_refer_to_the_one_of_their_time(
    history: History,
) -> None:
    keys: dict[str, list[set[tuple[str, str | None]]]] = {"rider": [], "driver": []}
    for step in ("first", "second"):
        tables = history.steps[step]
        for topic, entity, attribute in (
            (DRIVER_PROFILES, "driver", "vehicle_class"),
            (RIDER_PROFILES, "rider", "dna_payment_method"),
        ):
            staged = tables[topic.staging_table]
            wanted = oracle.versions(staged, entity, attribute)
            dimension = tables[f"gold.dim_{entity}s"]
            found = {(r["event_id"], r["valid_from"], r["valid_to"]) for r in dimension}
            assert found == {
                (row["event_id"], row["valid_from"], row["valid_to"])
                for rows in wanted.values()
                for row in rows
            }
            assert sum(row["is_current"] for row in dimension) == len(wanted)
            event_of = {row[f"{entity}_key"]: row["event_id"] for row in dimension}
            instant = "matched_at" if entity == "driver" else "first_event_at"
            for trip in tables["gold.fact_trips"]:
                moment = trip["requested_at"] if entity == "rider" else None
                valid = oracle.valid_at(
                    wanted.get(trip[f"{entity}_id"], ()), moment or trip[instant]
                )
                assert event_of.get(trip[f"{entity}_key"]) == valid, trip["trip_id"]
            keys[entity].append(
                {(t["trip_id"], t[f"{entity}_key"]) for t in tables["gold.fact_trips"]}
            )
    final = {t["trip_id"]: t for t in history.steps["first"]["gold.fact_trips"] if t["is_final"]}
    changed = {
        trip for entity in keys for trip, _ in keys[entity][0] - keys[entity][1] if trip in final
    }
    assert changed, "no profile update that came late has touched a trip that had ended"


def test_anomalies_are_those_of_the_golden_vectors(history: History) -> None:
    tables = history.steps["second"]
    outliers = {row["event_id"]: row for row in tables["silver.anomalies_gps_outliers"]}
    speeds = {row["event_id"]: row for row in tables["silver.anomalies_impossible_speeds"]}
    for run_id, vector in vectors("pings").items():
        wanted = [row for row in vector["said"] if row["kind"] != "frozen_gps"]
        said = {
            (kind, row["event_id"])
            for kind, rows in (("outlier", outliers), ("impossible_speed", speeds))
            for row in rows.values()
            if row["run_id"] == run_id
        }
        assert said == {(row["kind"], f"{run_id}/{row['event_id']}") for row in wanted}, vector
        for row in wanted:
            rows = outliers if row["kind"] == "outlier" else speeds
            found = rows[f"{run_id}/{row['event_id']}"]
            assert found["reason"] == row.get("reason", found["reason"])
            if "speed_kmh" in row:
                assert found["speed_kmh"] == pytest.approx(row["speed_kmh"])
            if row["kind"] == "impossible_speed":
                accepted_ms = found["accepted_at"].timestamp() * 1000 - START_MS
                assert accepted_ms == row["previous_event_time_ms"]
    for run_id, vector in vectors("silences").items():
        silences = [r for r in tables["silver.anomalies_zombie_drivers"] if r["run_id"] == run_id]
        said = {("raised", row["raised_at"]) for row in silences}
        said |= {("cleared", row["cleared_at"]) for row in silences if row["cleared_at"]}
        assert {(phase, round(at.timestamp() * 1000) - START_MS) for phase, at in said} == {
            (row["phase"], row["at_ms"]) for row in vector["said"]
        }, vector["name"]


def test_all_anomalies_are_together(history: History) -> None:
    tables = history.steps["second"]
    assert len(tables["silver.anomalies_all"]) == sum(
        len(tables[table]) for table in ANOMALIES if table != "silver.anomalies_all"
    )


@pytest.mark.usefixtures("history")
def test_the_calendar_is_without_gaps_and_knows_iso_weeks(lake: Lake) -> None:
    days = sorted(lake.rows("select * from gold.dim_date"), key=lambda row: row["date_day"])
    first, last = (days[place]["date_day"] for place in (0, -1))
    assert (str(first), str(last)) == ("2008-12-31", "2040-01-01")
    assert len(days) == (last - first).days + 1
    for row in days:
        day = row["date_day"]
        assert (row["year_number"], row["month_of_year"], row["day_of_month"]) == (
            day.year,
            day.month,
            day.day,
        )
        assert (row["iso_week"], row["iso_day_of_week"]) == day.isocalendar()[1:]
        assert row["quarter_of_year"] == (day.month + 2) // 3
        assert row["is_weekend"] == (day.weekday() >= 5)


def test_both_engines_give_the_same_gold(history: History, lake: Lake) -> None:
    second = duckdb_contents(lake, GOLD + ANOMALIES)
    for step, built in (("first", history.duckdb_first), ("second", second)):
        for table, rows in built.items():
            trino_rows = history.steps[step].get(table)
            if trino_rows is None:
                trino_rows = lake.rows(f"select * from {table}")  # noqa: S608
            assert comparable(rows) == comparable(trino_rows), (step, table)
    assert [table for table, rows in second.items() if not rows] == []


def test_a_build_whose_trino_is_killed_says_so_and_the_next_repairs_it(history: History) -> None:
    # What the next one made is judged as step "second" by the other tests.
    assert "A repeated run repairs" in history.killed
    assert "Traceback" not in history.killed


def test_building_again_changes_nothing(history: History) -> None:
    assert history.steps["again"] == history.steps["first"]


def test_a_full_refresh_gives_what_increments_gave(history: History) -> None:
    for table, rows in history.steps["refreshed"].items():
        assert comparable(rows) == comparable(history.steps["second"][table]), table


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("query", all_queries(QUERIES), ids=lambda query: query.name)
def test_every_named_question_has_an_answer(lake: Lake, query: Query) -> None:
    given = {"hours_ago": "0.0003"} if query.name == AS_IT_WAS else {}
    layout = Layout.from_environment(lake.stack.env)
    columns, found = run_statement(layout, *query.bound(given))
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    assert rows
    if query.name == "trip_funnel":
        assert [row["state"] for row in rows][:2] == ["REQUESTED", "OFFER_SENT"]
        assert rows[0]["trips_reached"] == 94
    if query.name == "take_rate":
        rates = {row["currency"]: row["take_rate_percent"] for row in rows}
        assert rates["USD"] is None, "nothing of nothing is no share"
        assert rates["BRL"] > 0


def test_most_questions_are_about_days_and_all_take_something() -> None:
    assert len(DATED) >= 15
    assert [query.name for query in all_queries(QUERIES) if not query.parameters] == []


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("query", DATED, ids=lambda query: query.name)
def test_a_question_with_a_date_reads_no_partition_before_it(lake: Lake, query: Query) -> None:
    facts, dimensions = (
        sorted(set(re.findall(rf"gold\.(?:{kind})_\w+", query.statement)))
        for kind in ("fact|agg", "dim")
    )
    assert facts
    literals = {
        parameter.name: LITERALS[parameter.kind].format(
            A_MONTH.get(parameter.name, parameter.default)
        )
        for parameter in query.parameters
    }
    plan = str(lake.asked(f"explain {Template(query.statement).substitute(literals)}").rows)
    before = 0
    for name in facts:
        table = lake.catalog.load_table(name)
        column = table.schema().find_column_name(table.spec().fields[0].source_id)
        assert re.search(rf"{re.escape(name)}\$data\S* constraint on \[[^\]]*\b{column}\b", plan), (
            plan
        )
        ((older,),) = lake.asked(
            f"select count(*) from {name} where cast({column} as date) < date '2026-03-01'"  # noqa: S608
        ).rows
        before += older
    everything, march, april = (
        lake.asked(*query.bound(given)).rows_read
        for given in ({}, {"first_day": "2026-03-01"}, {"first_day": "2026-04-01"})
    )
    if len(facts) == 1 and not dimensions:
        assert everything - march == before
    # a join reads what the other side lets through
    assert (everything > march) == (before > 0)
    of_dimensions = 0
    for name in dimensions:
        ((rows,),) = lake.asked(f"select count(*) from {name}").rows  # noqa: S608
        of_dimensions += rows
    assert everything > april
    assert april <= of_dimensions


def test_a_question_to_a_snapshot_tells_trips_then_from_trips_now(
    history: History, lake: Lake
) -> None:
    then, now = (
        {row["trip_id"]: row for row in history.steps[step]["gold.fact_trips"]}
        for step in ("first", "second")
    )
    wanted = Counter(
        (then[trip]["state"] if trip in then else None, now[trip]["state"]) for trip in now
    )
    assert len(wanted) > 5
    answer = json.loads(history.since_first)
    assert {(row["state_then"], row["state_now"]): row["trips"] for row in answer} == wanted
    for name, table in (("fares_then", then), ("fares_now", now)):
        fares = sum(row["fare_minor"] or 0 for row in table.values())
        assert sum(Decimal(row[name]) for row in answer) * 100 == fares
    too_old = lake.stack.run("sql", "--name", AS_IT_WAS, "--set", "hours_ago=48.5", check=False)
    assert too_old.returncode == 1
    said = " ".join(too_old.stderr.split())
    assert "No snapshot that old is kept" in said
    assert "farol sql --name trips_at_each_build" in said
    assert "Traceback" not in said


def judgements(lake: Lake) -> dict[str, dict[str, Any]]:
    """Return the results of the last checks of health by name."""
    path = lake.stack.home / "dbt" / "target" / "run_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    return {row["unique_id"].split(".")[2]: row for row in results}


def _grow_old(lake: Lake) -> None:
    old = "current_timestamp - interval '3' day"
    lake.asked(f"update silver.bronze_offsets set newest_ingested_at = {old}")  # noqa: S608


def _tell_controls(lake: Lake, event_type: str, where: str = "true") -> None:
    lake.asked(
        f"update silver.removed_records set event_type = '{event_type}' "  # noqa: S608
        f"where reason = 'control' and {where}"
    )


# the last ones: they make the lake old
@pytest.fixture(scope="module")
def judged(history: History, lake: Lake) -> subprocess.CompletedProcess[str]:
    """Return what is said of the health of a lake whose newest record is three days old.

    Its producers have not said that they ended. And its taxis, after a day of 200 trips in every
    other hour, have had 20 in the newest whole hour; one whose clock is years ahead goes on.
    """
    assert history.steps
    lake.asked(
        "insert into silver.stg_taxi_trips (event_id, event_time) "
        "select format('usual-%s-%s', hour, place), "
        "date_add('hour', hour, timestamp '2026-03-02 00:30:00.000000 UTC') "
        "from unnest(sequence(0, 25)) as hours (hour) "
        "cross join unnest(sequence(1, 200)) as places (place) "
        "where (hour < 24 and hour % 2 = 1) or (hour >= 24 and place <= 20) union all "
        "select format('ahead-%s', hour), "
        "date_add('hour', hour, timestamp '2038-01-01 00:30:00.000000 UTC') "
        "from unnest(sequence(0, 5)) as hours (hour)"
    )
    _grow_old(lake)
    _tell_controls(lake, "stream_heartbeat")
    return lake.stack.run("lake", "health", check=False)


def test_health_warns_beyond_the_first_threshold_and_fails_beyond_the_second(
    judged: subprocess.CompletedProcess[str], lake: Lake, tmp_path: Path
) -> None:
    assert judged.returncode == 1
    assert re.search(r"\d checks? of health failed", judged.stderr)
    assert "Traceback" not in judged.stderr
    for stream in (judged.stdout, judged.stderr):
        assert re.search(
            r"fail: what is removed is mostly not malformed: \d+ "
            r"\(warns if > 50, fails if > 80; silver\.removed_records\)",
            stream,
        )
    assert re.search(
        r"fail: bronze is fresh: 43\d\d \(warns if > 60, fails if > 1440", judged.stdout
    )
    assert re.search(
        r"warn: bronze is fresh of rare records: 43\d\d \(warns if > 1440, fails if > 10080",
        judged.stdout,
    )
    assert re.search(r"warn: taxi trips come as usual: 80 \(warns if > 50, fails", judged.stdout)
    assert re.search(r"[1-9] pass, \d+ warn, \d+ fail", judged.stdout)
    page = tmp_path / "checks.html"
    lake.stack.run("lake", "report", "--out", str(page))
    text = page.read_text(encoding="utf-8")
    assert "configured to fail if" in text
    assert "&gt; 50, &gt; 80" in text


ODD = {
    "pickups_are_in_known_zones": [{"trip_id": "trip-900"}, {"trip_id": "trip-901"}],
    "surge_is_of_known_zones": [{"zone_id": UNKNOWN_ZONE}],
    "fare_is_fee_plus_payout": [{"payment_id": "pay-trip-900"}],
    "payments_are_told_once": [{"event_id": "told-again"}],
    "ratings_have_their_trip": [{"trip_id": "trip-of-nobody"}],
    "completed_trips_have_a_fare_and_cancelled_ones_a_reason": [
        {"trip_id": "trip-900"},
        {"trip_id": "trip-901"},
    ],
}
"""Rows that cannot be, by the check that tells them."""


@pytest.mark.parametrize("check", ODD)
def test_what_cannot_be_is_told_and_its_rows_are_named(
    judged: subprocess.CompletedProcess[str], lake: Lake, check: str
) -> None:
    said = rf"warn: {check.replace('_', ' ')}: \d+ \(warns if > 0, fails if > 20; "
    assert re.search(said, judged.stdout), judged.stdout
    found = lake.rows(judgements(lake)[f"health_{check}"]["compiled_code"])
    wanted = ODD[check]
    rows = sorted(({name: row[name] for name in wanted[0]} for row in found), key=str)
    assert rows == wanted


def staleness(lake: Lake) -> dict[str, tuple[int, int]]:
    """Return minutes and figure of every topic that the check of freshness names."""
    statement = judgements(lake)["health_bronze_is_fresh"]["compiled_code"]
    return {row["topic"]: (row["minutes"], row["figure"]) for row in lake.rows(statement)}


@pytest.mark.usefixtures("judged")
def test_a_domain_that_is_silent_beside_a_living_one_only_warns(lake: Lake) -> None:
    assert all(figure == minutes > 4300 for minutes, figure in staleness(lake).values())
    lake.asked(
        "update silver.bronze_offsets set newest_ingested_at = current_timestamp "
        "where topic like 'rideshare.%' and topic != 'rideshare.payments'"
    )
    found = staleness(lake)
    for topic, (minutes, figure) in found.items():
        if topic.startswith("taxi."):
            assert figure == 1440 < minutes
        elif topic == PAYMENTS.name:
            assert figure == minutes > 4300, "one topic of a domain that goes on"
        else:
            assert figure == minutes < 60
    assert len(found) > 4
    _grow_old(lake)


@pytest.mark.usefixtures("judged")
def test_a_stream_that_has_ended_is_not_stale(lake: Lake) -> None:
    stale = staleness(lake)
    assert stale.keys() == {topic.name for topic in INPUT_TOPICS if topic.name not in RARE}
    assert min(stale.values()) > (1440, 1440)
    _tell_controls(lake, "stream_end", where="kafka_partition = 0")
    assert staleness(lake).keys() == stale.keys(), "one partition says nothing of the others"
    _tell_controls(lake, "stream_end")
    # though records came after the end: copies, and what was sent again
    assert staleness(lake) == {}
    lake.asked(
        "insert into silver.removed_records (topic, kafka_partition, kafka_offset, reason, "
        "event_type) values ('rideshare.trips', 2, 1000000, 'control', 'stream_heartbeat')"
    )
    assert staleness(lake).keys() == {TRIPS.name}, "another run goes on"
