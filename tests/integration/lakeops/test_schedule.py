"""The chains run by Airflow and by the local loop, on one lake."""

import re
import time
from collections import Counter

import pytest

from contracts.domain import PAYMENTS, TRIPS
from deploy.local.layout import Layout
from deploy.local.schedule import CHAINS, LAKEHOUSE
from deploy.local.schedule_loop import Runner
from tests.integration.lakeops.conftest import BuiltLake

pytestmark = [pytest.mark.catalog, pytest.mark.trino, pytest.mark.timeout(900)]


def distinct_events(lake: BuiltLake, topic: str) -> int:
    values = {record.value for record, _ in lake.rows if record.topic == topic and record.key}
    return len(values)


def test_airflow_runs_every_task_of_the_chain(built_lake: BuiltLake) -> None:
    said = built_lake.by_airflow.stdout + built_lake.by_airflow.stderr
    assert built_lake.by_airflow.returncode == 0, said[-4000:]
    begun = [re.search(rf"farol lake .*{task.command[-1]}", said) for task in LAKEHOUSE.tasks]
    assert all(begun), "a task's command is not in Airflow's log"
    order = [found.start() for found in begun if found]
    assert order == sorted(order)


def test_two_builds_at_once_write_nothing_twice(built_lake: BuiltLake) -> None:
    assert built_lake.by_hand.returncode == 0, built_lake.by_hand.stdout[-4000:]
    for table, topic in (("silver.stg_trips", TRIPS), ("silver.stg_payments", PAYMENTS)):
        ((rows, events),) = built_lake.rows_of(
            f"select count(*), count(distinct event_id) from {table}"  # noqa: S608
        )
        assert rows == events == distinct_events(built_lake, topic.name), table
    ((rows, trips),) = built_lake.rows_of(
        "select count(*), count(distinct trip_id) from gold.fact_trips"
    )
    assert rows == trips == 120


def test_dags_are_those_of_the_table(built_lake: BuiltLake) -> None:
    listed = built_lake.stack.run("airflow", "dags", "list", "--local", "--output", "plain").stdout
    for chain in CHAINS:
        assert f"farol_{chain.name.replace('-', '_')}" in listed


def test_watching_and_maintaining_run_at_once_too(built_lake: BuiltLake) -> None:
    stack = built_lake.stack
    done = stack.run("lake", "run-loop", "--once", "--chain", "dlq-watch", "--chain", "maintenance")
    assert Counter(re.findall(r"(\S+) ok", done.stdout)) == {
        "dlq-watch.dlq-watch": 1,
        "maintenance.maintain": 1,
    }
    ((rows,),) = built_lake.rows_of("select count(*) from gold.fact_trips")
    assert rows == 120
    log = built_lake.layout.logs / "chains" / "dlq-watch-dlq-watch.log"
    assert "none malformed" in log.read_text(encoding="utf-8")
    fresh = stack.run("lake", "freshness").stdout
    assert re.search(r"rideshare: (fresh|ended)", fresh)
    assert re.search(r"taxi: (fresh|ended)", fresh)


def test_a_failing_task_ends_its_chain_and_says_why(built_lake: BuiltLake) -> None:
    nowhere = Layout.from_environment({**built_lake.stack.env, "FAROL_PORT_OFFSET": "40000"})
    said: list[str] = []
    began = time.monotonic()
    runner = Runner(nowhere, said.append, retry_after_s=0)
    done = runner.run(LAKEHOUSE)
    assert [ran.task for ran in done] == ["bronze-freshness"]
    assert done[0].exit_code == 1
    text = "\n".join(said)
    assert text.count("failed with exit code 1") == 1 + LAKEHOUSE.retries
    assert "no Iceberg catalog answers" in text
    assert "lakehouse ended at bronze-freshness" in text
    assert time.monotonic() - began < 120
