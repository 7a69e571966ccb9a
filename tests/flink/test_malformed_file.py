"""A file of broken rows, replayed as it is: every row in the DLQ once, each with its reason."""

import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from contracts.domain import TAXI_TRIPS
from flink_jobs.jobs import ingest_bronze
from tests.stack_control import ROOT, TestStack

ReadTopic = Callable[[str], list[Message]]
ReadTables = Callable[[Iterable[str]], dict[str, list[dict[str, Any]]]]
SHARED = ROOT.parent / "shared" / "data" / "streampulse_malformed_test_data.csv"
ROWS = """trip_id,region_id,event_time,fare,duration,distance
a,1,2025-01-15T10:30:00.000Z,25.5,1800,12.5
b,NOWHERE,2025-01-15T10:31:00.000Z,30.0,2100,15.2
c,2,NEVER,20.5,1500,8.3
d,999,2025-01-15T10:43:00.000Z,50.0,2500,25.0
e,12,2025-01-15T10:45:00.000Z,25.0,-500,10.5
"""
OWN = ["wrong_type:region_id", "event_time_invalid", "out_of_range:region_id"]
OWN.append("out_of_range:duration_s")
SAMPLE = [
    "wrong_type:region_id",
    "event_time_invalid",
    "wrong_type:fare_minor",
    "wrong_type:duration_s",
    "wrong_type:distance_m",
    "wrong_type:region_id",
    "event_time_missing",
    "wrong_type:fare_minor",
    "wrong_type:duration_s",
    "wrong_type:distance_m",
    "out_of_range:region_id",
    "out_of_range:region_id",
    "out_of_range:fare_minor",
    "out_of_range:duration_s",
    "out_of_range:distance_m",
]


@pytest.mark.timeout(900)
def test_broken_rows_land_in_the_dlq_with_their_reason(
    run_job: Any,
    stack: TestStack,
    kafka: str,
    read_topic: ReadTopic,
    read_tables: ReadTables,
    tmp_path: Path,
) -> None:
    own = tmp_path / "rows.csv"
    own.write_text(ROWS)
    expected = {f"own-{uuid.uuid4()}": (own, OWN, {"a"})}
    if SHARED.exists():  # the project keeps no copy of it
        accepted = {"trip_001", "MALFORMED_JSON_NO_COMMAS", "trip_018"}
        expected[f"shared-{uuid.uuid4()}"] = (SHARED, SAMPLE, accepted)
    for run_id, (path, _, _) in expected.items():
        stack.run("replay", str(path), "--as", "streampulse", "--order", "file", "--run-id", run_id)
    run_job(ingest_bronze)
    tables = read_tables([TAXI_TRIPS.bronze_table, TAXI_TRIPS.dlq_table])
    topic = read_topic(TAXI_TRIPS.dlq)
    for run_id, (_, reasons, names) in expected.items():
        mark = f'"run_id":"{run_id}"'.encode()
        rows = [r for r in tables[TAXI_TRIPS.dlq_table] if mark in (r["_raw_value"] or b"")]
        # Rows of one file have no order across partitions: their names tell them apart.
        found = {msgspec.json.decode(r["_raw_value"])["trip_id"]: r["error_message"] for r in rows}
        assert sorted(found.values()) == sorted(reasons)
        assert len(rows) == len(reasons)
        told = [dict(m.headers() or [])["reason"] for m in topic if mark in (m.value() or b"")]
        assert sorted(str(reason, "utf-8") for reason in told) == sorted(reasons)
        kept = [r["_raw_value"] for r in tables[TAXI_TRIPS.bronze_table]]
        trips = [msgspec.json.decode(v) for v in kept if v is not None and mark in v]
        accepted = {t["trip_id"] for t in trips if t["event_type"] == "taxi_trip"} - found.keys()
        assert accepted == names
