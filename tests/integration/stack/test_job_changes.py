"""Jobs are upgraded, rescaled and resumed; what cannot work leaves them as they were."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from confluent_kafka import Producer

from contracts import metrics
from contracts.domain import TRIPS
from deploy.local import desired_jobs, job_changes, job_health
from deploy.local.flink_rest import FlinkRest
from deploy.local.job_health import Health, JobStatus
from deploy.local.jobs import JobControl, JobError, running
from deploy.local.lake import connect
from deploy.local.layout import Layout
from tests.stack_control import ROOT, TestStack
from tests.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.catalog, pytest.mark.flink, pytest.mark.timeout(900)]
INGEST, LIVE = "ingest_bronze", "live_positions"


@pytest.fixture(scope="module")
def stack(_stacks) -> Iterator[TestStack]:
    """Return a stack whose Bronze nobody else writes: each place is to be there once."""
    own = _stacks(FAROL_CHECKPOINT_INTERVAL_S="5")
    yield own
    own.down()


@pytest.fixture
def control(stack) -> Iterator[JobControl]:
    stack.up("kafka", "catalog", "taskmanager", "keeper")
    layout = Layout.from_environment(stack.env)
    with FlinkRest(layout.url("flink")) as rest:
        yield JobControl(layout, rest)
        for job in rest.jobs():
            if not job.has_ended:
                rest.cancel(job.job_id)


def _send(stack, records: int) -> None:
    producer = Producer({"bootstrap.servers": stack.kafka})
    for number in range(records):
        producer.produce(TRIPS.name, b"no json", str(number).encode())
    assert producer.flush(60) == 0


def _places(stack) -> Counter[tuple[int, int]]:
    columns = ("_kafka_partition", "_kafka_offset")
    table = connect(stack.url("catalog")).load_table(TRIPS.bronze_table)
    rows = table.scan(selected_fields=columns).to_arrow().to_pylist()
    return Counter((row[columns[0]], row[columns[1]]) for row in rows)


def _wait_for_bronze(stack, records: int) -> None:
    eventually(lambda: len(_places(stack)) >= records, f"{records} records in Bronze")


def _arguments(control: JobControl, name: str) -> tuple[str, ...]:
    return desired_jobs.read(control.layout)[name].arguments


def _status(control: JobControl, name: str) -> JobStatus:
    found = job_health.statuses(control.layout, control.rest)
    return next(row for row in found if row.name == name)


def test_a_state_that_the_lake_has_outrun_is_refused_and_bronze_stays_exact(stack, control):
    start = len(_places(stack))
    job_id = control.submit(INGEST, is_fresh=True)
    control.wait_until_computing(INGEST, job_id)
    _send(stack, 30)
    _wait_for_bronze(stack, start + 30)
    old = control.stop(INGEST)
    assert old

    control.wait_until_computing(INGEST, control.resume(INGEST))
    _send(stack, 20)
    _wait_for_bronze(stack, start + 50)
    control.stop(INGEST)

    with pytest.raises(JobError, match=r"older than what the lake holds.*rollback_to_snapshot"):
        control.resume(INGEST, start_from=old)
    assert all(job.has_ended for job in control.rest.jobs() if job.name == INGEST)

    # from the newest state it goes on, and stays exact when it gets another parallelism
    control.wait_until_computing(INGEST, control.resume(INGEST))
    _send(stack, 10)
    change = job_changes.rescale(control, INGEST, 2)
    assert control.rest.slots_of(change.job_id) == 2
    _send(stack, 10)
    _wait_for_bronze(stack, start + 70)
    assert set(_places(stack).values()) == {1}

    row = _status(control, INGEST)
    assert row.health == Health.OK
    assert row.dlq is not None
    assert row.dlq >= 10
    assert row.records_out == row.records_in, "every record into Bronze"
    assert row.checkpoint_age_s is not None
    gauge = f'{metrics.KEEPER_JOB_RECORDS.name}{{job="{INGEST}",kind="dlq"}} '
    eventually(
        lambda: f"{gauge}{float(row.dlq)}" in httpx.get(f"{stack.url('keeper')}/metrics").text,
        "the keeper tells the same count",
    )
    control.stop(INGEST)


def test_an_upgrade_changes_the_job_or_leaves_it_as_it_was(stack, control):
    first = control.submit(LIVE, ["--state-ttl-ms", "60000"], is_fresh=True)
    control.wait_until_computing(LIVE, first)

    change = job_changes.upgrade(control, LIVE, ["--state-ttl-ms", "90000"])
    assert _arguments(control, LIVE)[1:] == ("--state-ttl-ms", "90000")
    assert desired_jobs.read(control.layout)[LIVE].resume_from == change.savepoint

    with pytest.raises(JobError, match=r"runs as before .*unrecognized arguments: --no-such"):
        job_changes.upgrade(control, LIVE, ["--no-such", "1"])
    with pytest.raises(JobError, match=r"goes on as it is: parallelism 99 needs 98 slots more"):
        job_changes.rescale(control, LIVE, 99)
    row = _status(control, LIVE)
    assert (row.health, _arguments(control, LIVE)[1:]) == (Health.OK, ("--state-ttl-ms", "90000"))

    # the state of one job is none for another
    state = control.stop(LIVE)
    with pytest.raises(JobError, match=r"refused: .*Cannot map checkpoint/savepoint state"):
        control.submit("region_windows", start_from=state)


def test_a_job_whose_upgrade_was_killed_half_way_is_brought_back(stack, control):
    job_id = control.submit(LIVE, ["--state-ttl-ms", "60000"], is_fresh=True)
    control.wait_until_computing(LIVE, job_id)
    command = [sys.executable, "-m", "deploy.local.main", "jobs", "upgrade", LIVE]
    upgrade = subprocess.Popen([*command, "--state-ttl-ms", "70000"], cwd=ROOT, env=stack.env)
    while running(control.rest, LIVE) is not None:
        assert upgrade.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    upgrade.kill()
    upgrade.wait(30)

    eventually(lambda: _status(control, LIVE).health == Health.OK, "the keeper brings it back")
    entry = desired_jobs.read(control.layout)[LIVE]
    assert "savepoint-" in (entry.resume_from or "")
    # as before, or as wanted where the submission was already on its way
    assert entry.arguments[1:] in (("--state-ttl-ms", "60000"), ("--state-ttl-ms", "70000"))


def test_a_restart_loop_is_told_and_seen_as_unhealthy(stack, control):
    module, name = "tests.integration.stack.doubling_job", "doubling_job"
    job_id = control.submit(
        name, [stack.kafka, "no.such.topic", "none"], module=module, is_fresh=True
    )
    with pytest.raises(JobError, match=r"again and again.*does not host this topic-partition"):
        control.wait_until_computing(name, job_id)

    listed = stack.run("jobs", "list", "--json", check=False)
    told = stack.run("status", check=False)

    (row,) = (row for row in json.loads(listed.stdout) if row["name"] == name)
    assert (listed.returncode, row["health"]) == (1, "restarting")
    assert (told.returncode, f"job {name} is restarting" in told.stderr) == (1, True)
    gauge = f'{metrics.KEEPER_JOB_HEALTHY.name}{{job="{name}"}} 0.0'
    eventually(
        lambda: gauge in httpx.get(f"{stack.url('keeper')}/metrics").text, "the keeper tells it"
    )
    control.stop(name, with_savepoint=False)
    assert _status(control, name).health == Health.STOPPED


def test_wrong_paths_and_addresses_are_clear(stack, control):
    nowhere = stack.run("jobs", "submit", LIVE, "--from", "/no/such/folder", check=False)
    never = stack.run("jobs", "resume", "surge", check=False)
    alone = stack.run("jobs", "submit", INGEST, "--catalog-uri", "http://127.0.0.1:1", check=False)

    assert "no checkpoint or savepoint at /no/such/folder" in nowhere.stderr
    assert "surge never ran here: farol jobs submit surge" in never.stderr
    assert "Connect to http://127.0.0.1:1 failed: Connection refused" in alone.stderr
    for result in (nowhere, never, alone):
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
