"""A whole run on real servers: broken on the way, fed garbage, ended properly, audited clean.

One test, because starting everything is the slow part; each step names what it found.
"""

import json
import os
import uuid
from pathlib import Path

import httpx
import pytest
import yaml
from kafka import KafkaProducer

from contracts.domain import INPUT_TOPICS
from sim.domain.commands import SetSurge
from sim.publishing import record_of_commands
from tests.conftest import StackFactory
from tests.e2e.faults import RESTARTED, inflict, plan
from tests.e2e.steps import (
    audit,
    caught_up,
    drivers_move,
    end_city,
    have_checkpointed,
    rows,
    wait_for,
)
from tests.e2e.yellow import yellow_csv
from tests.stack_control import TestStack

JOBS = ("live_positions", "ingest_bronze", "surge", "gps_anomalies", "region_windows")
SAMPLE = (
    Path(__file__).resolve().parents[3]
    / "shared"
    / "data"
    / "nyc_yellow_tripdata_sample_2019-01.csv"
)
SEED = int(os.environ.get("FAROL_FAULT_SEED", "1"))
SELECTION = ("taskmanager", "jobmanager", "python worker", "redis")
"""What CI breaks, in seeded order; `make drill` breaks everything."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_a_run_is_clean_although_servers_were_killed_and_garbage_was_sent(
    new_stack: StackFactory, tmp_path: Path
) -> None:
    stack = new_stack(FAROL_CHECKPOINT_INTERVAL_S="5")
    stack.up()
    assert all(row["ready"] for row in stack.status().values())
    for job in JOBS:
        stack.run("jobs", "submit", job)

    stack.run("sim", "start", "--config", str(priced_by_the_job(tmp_path)))
    run_id = json.loads(stack.run("sim", "status", "--json").stdout)["run_id"]
    drivers_move(stack)
    wait_for("all jobs checkpoint", lambda: have_checkpointed(stack, JOBS, {}))

    inflict(stack, plan(SEED, SELECTION), JOBS)

    marks = send_garbage(stack)
    wait_for("garbage is in the DLQ tables", lambda: garbage_is_kept(stack, marks))

    end_city(stack)
    trips = SAMPLE if SAMPLE.is_file() else yellow_csv(tmp_path / "trips.csv", 10_000, SEED)
    stack.run("replay", str(trips), "--as", "nyc_yellow", "--speed", "max", "--run-id", "nyc")
    caught_up(stack, JOBS)
    stack.run("dbt", "build", timeout_s=900)
    audit(stack, run_id)
    audit(stack, "nyc")
    windows_are_served(stack)
    riders_pay_what_the_job_said(stack, run_id)
    states = rows(stack, "select state, count(*) as trips from lake.gold.fact_trips group by 1")
    assert {row["state"] for row in states} <= {"COMPLETED", "CANCELLED"}
    assert sum(row["trips"] for row in states) > 0
    # every restart above was seen, nothing else died
    died = {name for name, row in stack.status().items() if row["restarts"]}
    assert died <= set(SELECTION) | {"taskmanager"}
    assert died >= set(SELECTION) & set(RESTARTED)


def priced_by_the_job(folder: Path) -> Path:
    """Write the small scenario with the job's multipliers for its own, and a crowd in two zones."""
    crowd = {"name": "crowd", "kind": "event", "begin_s": 5, "end_s": 7200, "zone_ids": [78, 7]}
    scenario = {
        "base": "small",
        "name": "priced_by_the_job",
        "policies": {"surge": "streamed"},
        "shocks": [{**crowd, "request_ratio": 40}],
    }
    path = folder / "priced_by_the_job.yaml"
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return path


def riders_pay_what_the_job_said(stack: TestStack, run_id: str) -> None:
    """Compare the multipliers of trips in Gold with those that came back from the job."""
    script = record_of_commands.read(stack.home / "runs" / run_id)
    said = {e.command.multiplier for e in script if isinstance(e.command, SetSurge)}
    trips = rows(stack, "select distinct surge_multiplier from lake.gold.fact_trips")
    paid = {float(trip["surge_multiplier"]) for trip in trips}
    assert max(paid) > 1.0
    assert paid <= said | {1.0}


def send_garbage(stack: TestStack) -> dict[str, bytes]:
    """Send one unmistakable broken record to every input topic; return them by topic."""
    marks = {topic.name: f"garbage {uuid.uuid4()} \xff".encode("latin-1") for topic in INPUT_TOPICS}
    producer = KafkaProducer(bootstrap_servers=stack.kafka)
    for topic, mark in marks.items():
        producer.send(topic, value=mark)
    producer.flush(30)
    producer.close()
    return marks


def garbage_is_kept(stack: TestStack, marks: dict[str, bytes]) -> bool:
    """Return whether each garbage record is in the DLQ table of its topic, with the reason."""
    return all(
        rows(
            stack,
            f"select error_type from lake.{topic.dlq_table} "  # noqa: S608 - names from contracts
            f"where _raw_value = from_hex('{marks[topic.name].hex()}')",
        )
        == [{"error_type": "not_utf8"}]
        for topic in INPUT_TOPICS
    )


def windows_are_served(stack: TestStack) -> None:
    """Ask the API for the windows of a busy region."""
    answer = httpx.get(
        f"{stack.url('api')}/api/v1/regions/237/windows?limit=5",
        headers={"X-API-Key": stack.api_key},
    )
    assert answer.status_code == 200
    windows = answer.json()["windows"]
    assert windows
    assert all(w["trip_count"] >= 1 for w in windows)
