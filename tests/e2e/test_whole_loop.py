"""A whole run on real servers: killed twice on the way, fed garbage, ended properly, audited clean.

One test, because starting everything is the slow part; each step names what it found.
"""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer

from contracts.domain import INPUT_TOPICS
from tests.conftest import StackFactory
from tests.stack_control import TestStack

JOBS = ("live_positions", "ingest_bronze", "surge", "region_windows")
SAMPLE = (
    Path(__file__).resolve().parents[3]
    / "shared"
    / "data"
    / "nyc_yellow_tripdata_sample_2019-01.csv"
)
WAIT_S = 300.0

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def wait_for(what: str, condition: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """Return what the condition answers as soon as it is true."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        answer = condition()
        if answer:
            return answer
        time.sleep(1.0)
    pytest.fail(f"{what}: not within {timeout_s:.0f} s")


def job_states(stack: TestStack) -> dict[str, dict[str, Any]]:
    """Return `farol jobs list` by name; empty while the JobManager is away."""
    result = stack.run("jobs", "list", "--json", check=False)
    return {j["name"]: j for j in json.loads(result.stdout)} if result.returncode == 0 else {}


def all_jobs_run(stack: TestStack) -> bool:
    """Return whether every job runs and has completed a checkpoint in this life."""
    jobs = job_states(stack)
    return all(
        jobs.get(name, {}).get("state") == "RUNNING" and jobs[name]["checkpoints"] > 0
        for name in JOBS
    )


def kill(stack: TestStack, service: str) -> None:
    """Kill a service as hard as can be and wait until its successor answers."""
    before = stack.status()[service]
    os.kill(before["pid"], signal.SIGKILL)
    wait_for(
        f"{service} comes back",
        lambda: (
            (now := stack.status()[service])["ready"]
            and now["pid"] != before["pid"]
            and now["restarts"] > before["restarts"]
        ),
    )


def audit(stack: TestStack, run_id: str) -> None:
    """Fail with the whole report unless the audit of the run is clean."""
    result = stack.run("audit", "--run", run_id, "--wait", "180", check=False, timeout_s=400)
    assert result.returncode == 0, f"audit of {run_id}:\n{result.stdout}\n{result.stderr}"


def rows(stack: TestStack, statement: str) -> list[dict[str, Any]]:
    """Return the rows of one statement in Trino."""
    answer: list[dict[str, Any]] = json.loads(stack.run("sql", statement, "--json").stdout)
    return answer


def test_a_run_is_clean_although_servers_were_killed_and_garbage_was_sent(
    new_stack: StackFactory,
) -> None:
    stack = new_stack(FAROL_CHECKPOINT_INTERVAL_S="5")
    stack.up()
    assert all(row["ready"] for row in stack.status().values())
    for job in JOBS:
        stack.run("jobs", "submit", job)

    stack.run("sim", "start", "small")
    run_id = json.loads(stack.run("sim", "status", "--json").stdout)["run_id"]
    drivers_move(stack)
    wait_for("all jobs checkpoint", lambda: all_jobs_run(stack))

    kill(stack, "taskmanager")
    wait_for("the jobs run after the TaskManager's death", lambda: all_jobs_run(stack))
    kill(stack, "jobmanager")
    wait_for("the jobs run after the JobManager's death", lambda: all_jobs_run(stack))

    marks = send_garbage(stack)
    wait_for("garbage is in the DLQ tables", lambda: garbage_is_kept(stack, marks))

    stack.run("sim", "end", timeout_s=600)
    wait_for(
        "the city has ended",
        lambda: json.loads(stack.run("sim", "status", "--json").stdout)["is_ended"],
    )
    if SAMPLE.is_file():
        stack.run("replay", str(SAMPLE), "--as", "nyc_yellow", "--speed", "max", "--run-id", "nyc")
    caught_up(stack)
    stack.run("dbt", "build", timeout_s=900)
    audit(stack, run_id)
    if SAMPLE.is_file():
        audit(stack, "nyc")
        windows_are_served(stack)
    states = rows(stack, "select state, count(*) as trips from lake.gold.fact_trips group by 1")
    assert {row["state"] for row in states} <= {"COMPLETED", "CANCELLED"}
    assert sum(row["trips"] for row in states) > 0
    # every restart above was seen, nothing else died
    restarts = {name: row["restarts"] for name, row in stack.status().items()}
    assert restarts["taskmanager"] >= 1
    assert restarts["jobmanager"] == 1
    assert {n: c for n, c in restarts.items() if c and n not in ("taskmanager", "jobmanager")} == {}


def drivers_move(stack: TestStack) -> None:
    """Wait until one entity is seen at two places."""
    seen: dict[str, tuple[float, float]] = {}

    def moved() -> bool:
        answer = httpx.get(
            f"{stack.url('api')}/api/v1/positions?bbox=-47.5,-24.5,-45.5,-22.5&limit=100",
            headers={"X-API-Key": stack.api_key},
        )
        now = {p["entity_id"]: (p["lat"], p["lon"]) for p in answer.json()["positions"]}
        is_moving = any(seen.get(entity, place) != place for entity, place in now.items())
        seen.update(now)
        return is_moving

    wait_for("a driver moves", moved)


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


def caught_up(stack: TestStack) -> None:
    """Wait until two more checkpoints of every job are complete, none of them behind."""
    before = {name: job["checkpoints"] for name, job in job_states(stack).items()}
    wait_for(
        "two more checkpoints",
        lambda: all(
            job_states(stack).get(name, {}).get("checkpoints", 0) >= before.get(name, 0) + 2
            for name in JOBS
        ),
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
