"""A lake built step by step, and what its tables held after each step."""

import contextlib
import datetime as dt
import json
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

import duckdb
from msgspec.structs import replace

from contracts.domain import INPUT_TOPICS, PAYMENTS, RATINGS, SURGE_UPDATES, TRIPS
from contracts.events import EntityType, Rating, SurgeUpdate, TripState
from contracts.timestamps import epoch_ms, rfc3339
from contracts.validation import reject_reason
from deploy.local import dbt, dbt_duckdb
from deploy.local.layout import Layout
from tests.integration.lake import assembled
from tests.integration.lake.bronze import BronzeWriter
from tests.integration.lake.conftest import Lake
from tests.integration.lake.mutations import variants
from tests.integration.lake.records import (
    ENCODER,
    HAPPY_PATH,
    MIDNIGHT_MS,
    STAGED,
    START_MS,
    Record,
    Run,
    city,
)
from tests.integration.lake.surroundings import surroundings
from tests.integration.lake.vectors import vector_records
from tests.stack_control import ROOT

MODELS = ROOT / "dbt" / "models"
GOLD = tuple(f"gold.{path.stem}" for path in sorted((MODELS / "gold").rglob("*.sql")))
ANOMALIES = tuple(
    f"silver.{path.stem}" for path in sorted((MODELS / "silver" / "anomalies").glob("*.sql"))
)
FIXED = frozenset({"gold.dim_date", "gold.dim_payment_methods", "gold.dim_time", "gold.dim_zones"})
GROWING = (
    *(topic.staging_table for topic in INPUT_TOPICS),
    "silver.removed_records",
    *ANOMALIES,
    *(table for table in GOLD if table not in FIXED),
)
UNKNOWN_ZONE = 4242
PRECISE = "2026-03-01T03:10:00.123456Z"
NO_TEXT = {"run_id": b"\xff-run"}
"""A header that is no UTF-8."""
Tables = dict[str, list[dict[str, Any]]]


def contents(lake: Lake) -> Tables:
    """Return every table that grows, its rows in a fixed order."""
    found: Tables = {}
    for table in GROWING:
        found[table] = sorted(lake.rows(f"select * from {table}"), key=repr)  # noqa: S608
    return found


def imperfect_halves(seed: int) -> tuple[list[Record], list[Record]]:
    """Return a run cut amid its trips, with faults of every kind in both halves.

    Some events of the first half come only in the second (late), among them requests of the day
    before; some of the first come again in the second (duplicates across builds), and each half has
    malformed records of all topics. (That every variant is judged by the rule of the contract is
    for test_rule.)
    """
    rng = random.Random(seed)
    run = city(seed, trips=90)
    surroundings(run, seed, trips=90)
    records = sorted(run.records, key=lambda r: json.loads(r.value or b"")["event_time"])
    middle = len(records) * 2 // 3
    late = [r for r in records[:middle] if r.key and (rng.random() < 0.05 or _before_midnight(r))]
    late_ids = {id(record) for record in late}
    first = [record for record in records[:middle] if id(record) not in late_ids]
    again = [r for r in first if r.key and rng.random() < 0.1]
    second = late + records[middle:] + again
    first += [r for r in first if r.key and rng.random() < 0.1]
    malformed = [
        Record(topic.name, rng.randrange(4), b"key", value)
        for topic in STAGED
        for value in list(variants(topic))[::7]
        if reject_reason(topic.name, value) is not None
    ]
    assert any(reject_reason(r.topic, r.value) == "unknown_schema_version" for r in malformed)
    for half in (first, second):
        for record in malformed:
            half.insert(rng.randrange(len(half)), record)
    return first, second


def odd_records() -> list[Record]:
    """Return well-formed records that no contract rules out and that yet cannot be.

    Two trips and a change of price in a zone that is on no map, one of the trips without a fare,
    the other without a reason; its payment, not the sum of its parts, and once more as another
    event; a payment of nothing, in another currency; the stars of no trip, with microseconds. And a
    trip all of whose events have one time.
    """
    run = Run(7, run_id="run-odd")
    for number, states in ((900, HAPPY_PATH), (901, (TripState.REQUESTED, TripState.CANCELLED))):
        for event in run.trip(number, states, START_MS + 600_000):
            place = replace(event.pickup, zone_id=UNKNOWN_ZONE)
            odd = replace(event, pickup=place, fare_minor=None, cancel_reason=None)
            run.send(TRIPS, odd.trip_id, ENCODER.encode(odd))
            if event.state is TripState.COMPLETED:
                paid = run.payment(event)
                paid = replace(paid, payout_minor=paid.payout_minor + 1)
                for event_id in (paid.event_id, "told-again"):
                    again = replace(paid, event_id=event_id)
                    run.send(PAYMENTS, paid.trip_id, ENCODER.encode(again))
                nothing = {"fare_minor": 0, "fee_minor": 0, "payout_minor": 0, "currency": "USD"}
                free = replace(paid, event_id="free", payment_id="free", trip_id="free", **nothing)
                run.send(PAYMENTS, free.trip_id, ENCODER.encode(free))
    surge = SurgeUpdate(
        **run.envelope("surge_updated", START_MS + 600_000),  # type: ignore[arg-type]
        zone_id=UNKNOWN_ZONE,
        previous_multiplier=1.0,
        multiplier=1.5,
        open_requests=3,
        idle_drivers=1,
    )
    run.send(SURGE_UPDATES, str(UNKNOWN_ZONE), ENCODER.encode(surge))
    rating = Rating(
        **run.envelope("trip_rated", START_MS) | {"event_time": PRECISE},  # type: ignore[arg-type]
        trip_id="trip-of-nobody",
        rater=EntityType.RIDER,
        rater_id="rider-1",
        ratee=EntityType.DRIVER,
        ratee_id="driver-1",
        stars=5,
    )
    run.send(RATINGS, rating.trip_id, ENCODER.encode(rating))
    at_once = (TripState.REQUESTED, TripState.OFFER_SENT, TripState.CANCELLED)
    for event in run.trip(902, at_once, START_MS):
        tied = replace(event, event_time=rfc3339(START_MS + 600_000))
        run.send(TRIPS, tied.trip_id, ENCODER.encode(tied))
    return run.records


def two_days_late() -> tuple[list[Record], list[Record]]:
    """Return a trip without its request, and that request, of two days and a month (UTC) before.

    From the zone that a question asks about by default, whose rows of that month it must leave out.
    """
    run = Run(8, run_id="run-late")
    for event in run.trip(903, HAPPY_PATH, START_MS + 600_000):
        moment_ms = epoch_ms(event.event_time)
        if event.state is TripState.REQUESTED:
            moment_ms -= 2 * 24 * 3_600_000
        place = replace(event.pickup, zone_id=78)
        moved = replace(event, event_time=rfc3339(moment_ms), pickup=place)
        run.send(TRIPS, moved.trip_id, ENCODER.encode(moved))
    return run.records[1:], run.records[:1]


def _before_midnight(record: Record) -> bool:
    """Return whether it requests a trip in the last minute of the city's day."""
    event = json.loads(record.value or b"")
    is_request = event.get("state") == TripState.REQUESTED
    return is_request and 0 < MIDNIGHT_MS - epoch_ms(event["event_time"]) <= 60_000


def kill_trino_amid_a_build(lake: Lake) -> str:
    """Kill Trino once a build has written its first staging table; return what dbt then says."""
    log = lake.stack.home / "dbt" / "logs" / "dbt.log"
    read_so_far = log.stat().st_size
    build = subprocess.Popen(
        [str(ROOT / "farol"), "dbt", "run"],
        cwd=ROOT,
        env=lake.stack.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 600
    while b"OK created sql incremental model silver.stg_" not in log.read_bytes()[read_so_far:]:
        assert build.poll() is None, build.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.kill(lake.stack.status()["trino"]["pid"], signal.SIGKILL)
    printed, _ = build.communicate(timeout=900)
    assert build.returncode != 0, printed
    lake.stack.up("trino")
    return printed


def duckdb_contents(lake: Lake, tables: tuple[str, ...]) -> Tables:
    """Return tables as DuckDB has built them."""
    layout = Layout.from_environment(lake.stack.env)
    path = dbt_duckdb.database(dbt.folder(layout, dbt.Engine.DUCKDB))
    found: Tables = {}
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table in tables:
            cursor = connection.execute(f"select * from {table}")  # noqa: S608
            names = [column[0] for column in cursor.description or ()]
            found[table] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return found


def comparable(rows: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """Return rows without the marks of an engine: order, time zone objects, last bits."""

    def plain(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.9g}")
        if isinstance(value, dt.datetime) and value.tzinfo:
            return value.astimezone(dt.UTC).isoformat()
        return value

    return sorted(([(name, plain(row[name])) for name in sorted(row)] for row in rows), key=repr)


@dataclass
class History:
    """What the tables held after each step."""

    rows: list[tuple[Record, int]]
    first_count: int
    steps: dict[str, Tables] = field(default_factory=dict)
    duckdb_first: Tables = field(default_factory=dict)
    empty_build: str = ""
    duckdb_empty: Tables = field(default_factory=dict)
    killed: str = ""
    since_first: str = ""


def build_step_by_step(lake: Lake) -> History:
    """Build over nothing, the first half, again, the second half with Trino killed, and anew.

    DuckDB builds the first half, and then the second upon it, with all checks of a build.
    """
    writer = BronzeWriter(lake.catalog)
    found = History(writer.rows, 0)
    build_only = ("build", "--exclude-resource-type", "test", "unit_test")
    in_duckdb = ("--engine", "duckdb", *build_only)
    # all of it: also the checks have nothing to look at
    found.empty_build = lake.stack.run("lake", "build").stdout
    found.steps["empty"] = contents(lake)
    lake.dbt(*in_duckdb)
    found.duckdb_empty = duckdb_contents(lake, GOLD + ANOMALIES)
    first, second = imperfect_halves(7)
    unasked, asked_late = two_days_late()
    writer.append(first + unasked)
    writer.append(vector_records(), run_id=None)
    taxi = assembled.versions(random.Random(7))
    assembled.write(lake.catalog, taxi[::2])
    found.first_count = len(writer.rows)
    lake.dbt("run")
    first_built_at = time.time()
    found.steps["first"] = contents(lake)
    lake.dbt(*in_duckdb)
    found.duckdb_first = duckdb_contents(lake, GOLD + ANOMALIES)
    # What is no increment is computed anew from these.
    lake.dbt("run", "--select", "bronze_offsets", "config.materialized:incremental")
    found.steps["again"] = contents(lake)
    writer.append(second[: len(second) // 3])
    writer.append(odd_records() + asked_late)
    assembled.write(lake.catalog, taxi[1::2])
    writer.append([Record(RATINGS.name, 0, b"key", b"no json")], run_id=None, headers=NO_TEXT)
    # As a job commits that was down for three days after it had read these.
    writer.append(second[len(second) // 3 :], age=dt.timedelta(days=3))
    found.killed = kill_trino_amid_a_build(lake)
    lake.dbt("build")
    found.steps["second"] = contents(lake)
    hours_ago = f"hours_ago={(time.time() - first_built_at) / 3600:.6f}"
    asked = ("sql", "--name", "trips_then_and_now", "--set", hours_ago, "--json")
    found.since_first = lake.stack.run(*asked).stdout
    lake.dbt("--engine", "duckdb", "build")
    lake.dbt("run", "--full-refresh")
    found.steps["refreshed"] = contents(lake)
    return found
