"""A lake that Airflow has built: how, what people look at, and what else runs on it."""

import contextlib
import json
import re
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
import pytest
import trino
from filelock import FileLock, Timeout
from nbclient import NotebookClient

from contracts.domain import PAYMENTS, TRIPS
from deploy.local import dbt
from deploy.local.layout import Layout
from deploy.local.schedule import CHAINS, LAKEHOUSE
from deploy.local.schedule_loop import Runner
from tests.integration.lake.records import ENCODER, HAPPY_PATH, START_MS, Run
from tests.integration.lakeops.conftest import WAITS, BuiltLake
from tests.integration.lakeops.rival import committing_first
from tests.stack_control import ROOT
from tests.waiting import eventually

pytestmark = [pytest.mark.catalog, pytest.mark.trino, pytest.mark.timeout(900)]
NOTEBOOK = ROOT / "docs" / "notebooks" / "gold.ipynb"
QUESTIONS = 5
TRIPS_BUILT = "select count(*), count(distinct trip_id) from gold.fact_trips"


def distinct_events(lake: BuiltLake, topic: str) -> int:
    values = {
        record.value for record, _ in lake.writer.rows if record.topic == topic and record.key
    }
    return len(values)


def test_airflow_runs_every_task_of_the_chain(built_lake: BuiltLake) -> None:
    said = built_lake.by_airflow.stdout
    assert built_lake.by_airflow.returncode == 0, said[-4000:]
    begun = [re.search(rf"farol lake .*{task.command[-1]}", said) for task in LAKEHOUSE.tasks]
    assert all(begun), "a task's command is not in Airflow's log"
    order = [found.start() for found in begun if found]
    assert order == sorted(order)
    assert "warn: what is removed is mostly not malformed: " in said


def test_a_build_of_airflow_waits_for_that_of_somebody_else(built_lake: BuiltLake) -> None:
    assert built_lake.built_meanwhile == []
    assert WAITS in built_lake.by_airflow.stdout
    for table, topic in (("silver.stg_trips", TRIPS), ("silver.stg_payments", PAYMENTS)):
        ((rows, events),) = built_lake.rows_of(
            f"select count(*), count(distinct event_id) from {table}"  # noqa: S608
        )
        assert rows == events == distinct_events(built_lake, topic.name), table
    assert built_lake.rows_of(TRIPS_BUILT) == [[120, 120]]


def test_dags_are_those_of_the_table(built_lake: BuiltLake) -> None:
    listed = built_lake.stack.run("airflow", "dags", "list", "--local", "--output", "plain").stdout
    for chain in CHAINS:
        assert f"farol_{chain.name.replace('-', '_')}" in listed


def test_the_notebook_answers_its_questions_with_plots(built_lake: BuiltLake) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells), "commit no outputs"
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}})
    client.execute(env=built_lake.stack.env)
    plots = [
        output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})
    ]
    assert len(plots) == QUESTIONS
    headings = [cell.source for cell in notebook.cells if cell.source.startswith("## ")]
    assert len(headings) == QUESTIONS


def test_the_page_shows_every_check_and_table_of_the_last_builds(
    built_lake: BuiltLake, tmp_path: Path
) -> None:
    out = tmp_path / "checks.html"
    said = built_lake.stack.run("lake", "report", "--out", str(out)).stdout
    assert out.as_uri() in said
    page = out.read_text(encoding="utf-8")
    assert re.search(r"gold\.fact_trips.*?120", page, re.DOTALL)
    for step in ("silver.stg_trips", "gold.dim_zones", "gold.agg_hourly_zone_demand"):
        assert f'<td class="table">{step}' in page, "each step of the chain is in it"
    assert ", 1 warn, 0 fail, 0 error" in said
    assert re.search(r'"status warn">warn.*?what is removed.*?&gt; 50, &gt; 80', page, re.DOTALL)
    manifest = json.loads((built_lake.layout.home / "dbt" / "target" / "manifest.json").read_text())
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    counted = re.search(r"<b>(\d+)</b>checks", page)
    assert counted
    assert int(counted[1]) == len(tests), "every check of the project runs in one of the steps"
    assert "failed." not in page


def test_the_documentation_is_one_page(built_lake: BuiltLake) -> None:
    said = built_lake.stack.run("docs", "--no-serve").stdout
    page = built_lake.layout.home / "dbt" / "site" / "index.html"
    assert page.as_uri() in said
    text = page.read_text(encoding="utf-8")
    assert "fact_trips" in text
    assert "One row per" in text


def test_watching_and_maintaining_run_at_once_too(built_lake: BuiltLake) -> None:
    stack = built_lake.stack
    done = stack.run("lake", "run-loop", "--once", "--chain", "dlq-watch", "--chain", "maintenance")
    assert Counter(re.findall(r"(\S+) ok", done.stdout)) == {
        "dlq-watch.dlq-watch": 1,
        "maintenance.maintain": 1,
    }
    assert built_lake.rows_of(TRIPS_BUILT) == [[120, 120]]
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


def test_a_merge_that_is_not_the_first_to_commit_runs_again_and_applies_once(
    built_lake: BuiltLake,
) -> None:
    stack, later = built_lake.stack, Run(8, run_id="run-2")
    for number in range(1000, 1020):
        for event in later.trip(number, HAPPY_PATH, START_MS + 900_000):
            later.send(TRIPS, event.trip_id, ENCODER.encode(event))
    built_lake.writer.append(later.records)
    stack.run("dbt", "run", "--select", "bronze_offsets", "stg_trips")
    merge = ("dbt", "run", "--select", "fact_trips")
    # the other one merges the same trips: were both applied, each of these would be there twice
    with committing_first(built_lake.layout, "gold.fact_trips", lambda: stack.run(*merge)):
        done = stack.run(*merge)
    assert "another writer has committed first, dbt runs again" in done.stderr
    assert built_lake.rows_of(TRIPS_BUILT) == [[140, 140]]


def test_a_dbt_whose_farol_was_killed_keeps_the_lock_to_its_end(built_lake: BuiltLake) -> None:
    words = ("dbt", "build", "--select", "stg_ratings")
    killed = psutil.Popen((str(ROOT / "farol"), *words), env=built_lake.stack.env, cwd=ROOT)

    def has_begun() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):  # the launcher's shell has ended
            words_of = (child.cmdline() for child in killed.children())
            return any(word.endswith("/bin/dbt") for each in words_of for word in each)
        return False

    eventually(has_begun, "dbt has begun")
    killed.kill()
    killed.wait()

    with pytest.raises(Timeout):
        FileLock(dbt.folder(built_lake.layout) / "build.lock").acquire(timeout=0)
    again = built_lake.stack.run(*words)

    assert WAITS in again.stderr
    ((rows, events),) = built_lake.rows_of(
        "select count(*), count(distinct event_id) from silver.stg_ratings"
    )
    assert rows == events > 0


def test_what_trino_computes_for_a_dbt_that_is_gone_is_ended(built_lake: BuiltLake) -> None:
    errors: list[str] = []
    many = ", ".join("unnest(sequence(1, 10000))" for _ in range(3))
    long = f"select count(*) from {many}"  # noqa: S608

    def compute() -> None:
        connect: Any = trino.dbapi.connect  # the client has no types
        cursor = connect(
            host="127.0.0.1", port=built_lake.layout.port("trino"), user="dbt"
        ).cursor()
        try:
            cursor.execute(long)
            cursor.fetchall()
        except trino.exceptions.Error as error:
            errors.append(str(error))

    thread = threading.Thread(target=compute)
    thread.start()
    running = "select count(*) from system.runtime.queries where state = 'RUNNING' and query = '{}'"
    eventually(lambda: built_lake.rows_of(running.format(long)) == [[1]], "it is computed")
    said: list[str] = []
    dbt.end_left_over_queries(built_lake.layout, said.append)
    thread.join(60)

    assert len(said) >= 1
    assert "its dbt is gone, and another one begins" in errors[0]


def test_airflow_serves_this_machine_alone_and_whoever_logs_in(
    built_lake: BuiltLake, tmp_path: Path
) -> None:
    layout = built_lake.layout
    with (tmp_path / "serve.log").open("w", encoding="utf-8") as output:
        served = psutil.Popen(
            (str(ROOT / "farol"), "airflow", "serve"),
            env=built_lake.stack.env,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    client = httpx.Client(base_url=layout.url("airflow"), timeout=30)
    processes = []
    try:
        eventually(lambda: answers(client), "Airflow's API answers")
        processes = served.children(recursive=True)
        listeners = {place for each in (served, *processes) for place in listening(each)}
        assert ("127.0.0.1", layout.port("airflow")) in listeners
        assert {ip for ip, _ in listeners} == {"127.0.0.1"}
        assert client.get("/api/v2/dags").status_code == 401
        home = layout.home / "airflow"
        assert home.stat().st_mode & 0o077 == 0, "others may read passwords and keys"
        passwords = home / "simple_auth_manager_passwords.json.generated"
        login = {"username": "admin", "password": "admin"}
        assert client.post("/auth/token", json=login).status_code == 401
        login["password"] = json.loads(passwords.read_text(encoding="utf-8"))["admin"]
        token = client.post("/auth/token", json=login).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        dag = "/api/v2/dags/farol_dlq_watch"
        eventually(lambda: client.get(dag).status_code == 200, "the DAGs are read")
        assert client.patch(dag, json={"is_paused": False}).status_code == 200
        eventually(lambda: "success" in states(client, dag), "a run of the scheduler succeeds")
    finally:
        served.terminate()
        served.wait(60)
        client.close()
    assert not psutil.wait_procs(processes, timeout=60)[1], "servers are left behind"


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    with contextlib.suppress(psutil.NoSuchProcess):  # a child that has just ended
        return [
            (place.laddr.ip, place.laddr.port)
            for place in process.net_connections("tcp")
            if place.status == psutil.CONN_LISTEN
        ]
    return []


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/v2/monitor/health").status_code == 200
    except httpx.TransportError:
        return False


def states(client: httpx.Client, dag: str) -> list[str]:
    runs = client.get(f"{dag}/dagRuns").json()["dag_runs"]
    assert not any(run["state"] == "failed" for run in runs), runs
    return [run["state"] for run in runs]
