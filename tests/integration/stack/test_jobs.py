"""Jobs are submitted over REST, survive kills of both Flink processes, stop and resume."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from deploy.local import desired_jobs
from deploy.local.flink_rest import FlinkRefusedError, FlinkRest, FlinkUnavailableError
from deploy.local.jobs import JobControl, JobError
from deploy.local.layout import Layout
from deploy.setup.homes import JOB_JAR
from tests.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.flink, pytest.mark.timeout(900)]
JOB = "doubling_job"
MODULE = "tests.integration.stack.doubling_job"


class _Numbers(threading.Thread):
    """Sends 1, 2, 3, ... until told to stop."""

    def __init__(self, broker: str, topic: str) -> None:
        super().__init__(daemon=True)
        self._broker, self._topic = broker, topic
        self._halt = threading.Event()
        self.sent = 0

    def run(self) -> None:
        producer = KafkaProducer(bootstrap_servers=self._broker, acks="all")
        while not self._halt.wait(0.01):
            self.sent += 1
            producer.send(self._topic, str(self.sent).encode())
        producer.flush()
        producer.close()

    def end(self) -> int:
        self._halt.set()
        self.join(30)
        return self.sent


@pytest.fixture
def control(stack) -> Iterator[JobControl]:
    stack.up("kafka", "taskmanager", "keeper")
    layout = Layout.from_environment(stack.env)
    with FlinkRest(layout.url("flink")) as rest:
        yield JobControl(layout, rest)


@pytest.fixture
def flow(stack, control) -> Iterator[tuple[JobControl, str, str, _Numbers]]:
    name = f"t{time.time_ns()}"
    source, sink = f"{name}.in", f"{name}.out"
    admin = KafkaAdminClient(bootstrap_servers=stack.kafka)
    admin.create_topics([NewTopic(source, 1, 1), NewTopic(sink, 1, 1)])
    admin.close()
    numbers = _Numbers(stack.kafka, source)
    numbers.start()
    yield control, source, sink, numbers
    numbers.end()
    if any(j.name == JOB and not j.has_ended for j in control.rest.jobs()):
        control.stop(JOB, with_savepoint=False)


def _committed(broker: str, topic: str) -> list[int]:
    consumer = KafkaConsumer(bootstrap_servers=broker, isolation_level="read_committed")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    values: list[int] = []
    empty = 0
    while empty < 3:
        records = consumer.poll(timeout_ms=700).get(partition, [])
        empty = 0 if records else empty + 1
        values += [int(record.value) for record in records]
    consumer.close()
    return values


def _submit(control: JobControl, broker: str, source: str, sink: str, **options) -> str:
    job_id = control.submit(JOB, [broker, source, sink], module=MODULE, **options)
    control.wait_until_computing(JOB, job_id)
    return job_id


def _wait_for_checkpoint(control: JobControl, job_id: str, more: int = 1) -> None:
    start = control.rest.checkpoints(job_id)["completed"]
    eventually(
        lambda: control.rest.checkpoints(job_id)["completed"] >= start + more, "a checkpoint"
    )


def _current(control: JobControl) -> str | None:
    try:
        jobs = control.rest.jobs()
    except (FlinkUnavailableError, FlinkRefusedError):
        return None
    return next((j.job_id for j in jobs if j.name == JOB and j.is_computing), None)


def _plan(control: JobControl, job_id: str) -> Path:
    (kept,) = (control.layout.home / "flink" / "plans").iterdir()
    assert kept.name == job_id
    return kept


def _kill_jobmanager(stack, control: JobControl, job_id: str) -> str:
    os.kill(stack.status()["jobmanager"]["pid"], signal.SIGKILL)
    eventually(lambda: _current(control) not in (None, job_id), "the keeper resubmits the job")
    restored = _current(control)
    assert restored is not None
    entry = desired_jobs.read(control.layout)[JOB]
    assert entry.job_id == restored
    assert job_id in (entry.resume_from or "")
    _wait_for_checkpoint(control, restored)
    return restored


def _assert_exactly_once(stack, sink: str, sent: int) -> None:
    expected = [2 * n for n in range(1, sent + 1)]
    eventually(lambda: len(_committed(stack.kafka, sink)) >= sent, "all results")
    assert sorted(_committed(stack.kafka, sink)) == expected


def test_killed_flink_processes_lose_and_repeat_nothing(stack, flow):
    control, source, sink, numbers = flow
    first = _submit(control, stack.kafka, source, sink)
    _wait_for_checkpoint(control, first)
    planned = _plan(control, first).read_bytes()

    second = _kill_jobmanager(stack, control, first)
    # the plan holds a random number: planned anew it would be another
    assert _plan(control, second).read_bytes() == planned
    _plan(control, second).write_bytes(planned[:100])
    third = _kill_jobmanager(stack, control, second)
    assert _plan(control, third).read_bytes() not in (planned, planned[:100])

    os.kill(stack.status()["taskmanager"]["pid"], signal.SIGKILL)
    eventually(lambda: control.rest.restarts(third) > 0, "Flink notices the loss")
    eventually(lambda: _current(control) == third, "the same job computes again")

    _assert_exactly_once(stack, sink, numbers.end())
    metrics = httpx.get(f"{stack.url('keeper')}/metrics").text
    assert f'farol_keeper_resubmissions_total{{job="{JOB}"}}' in metrics


def test_stop_leaves_a_savepoint_and_submit_resumes_from_it(stack, flow):
    control, source, sink, numbers = flow
    first = _submit(control, stack.kafka, source, sink, is_fresh=True)
    _wait_for_checkpoint(control, first)

    path = control.stop(JOB)
    second = _submit(control, stack.kafka, source, sink)

    entry = desired_jobs.read(Layout.from_environment(stack.env))[JOB]
    assert path
    assert entry.resume_from == path
    assert second != first
    _assert_exactly_once(stack, sink, numbers.end())


def test_a_running_job_is_refused_a_second_time(stack, flow):
    control, source, sink, _ = flow
    job_id = _submit(control, stack.kafka, source, sink, is_fresh=True)

    with pytest.raises(JobError, match=f"runs already .*{job_id}"):
        control.submit(JOB, [stack.kafka, source, sink], module=MODULE)

    assert [j.job_id for j in control.rest.jobs() if j.name == JOB and not j.has_ended] == [job_id]


def test_a_job_cancelled_on_the_dashboard_is_left_alone(stack, flow):
    control, source, sink, _ = flow
    job_id = _submit(control, stack.kafka, source, sink, is_fresh=True)

    control.rest.cancel(job_id)

    layout = Layout.from_environment(stack.env)
    eventually(lambda: not desired_jobs.read(layout)[JOB].is_wanted, "the keeper forgets it")
    assert _current(control) is None


def test_the_dashboard_offers_the_jar_that_runs_python_jobs(stack):
    stack.up("taskmanager")

    (jar,) = httpx.get(f"{stack.url('flink')}/jars").json()["files"]

    assert jar["id"] == JOB_JAR
    assert [e["name"] for e in jar["entry"]] == ["org.apache.flink.client.python.PythonDriver"]


def test_a_job_that_raises_is_refused_with_its_own_error(control):
    with pytest.raises(JobError, match="missing 3 required positional arguments"):
        control.submit("broken", [], module=MODULE)


def test_unknown_names_and_a_missing_server_are_clear(stack, new_stack):
    stack.up("taskmanager")

    unknown = stack.run("jobs", "submit", "surgee", check=False)
    idle = stack.run("jobs", "stop", "surge", check=False)
    nobody = new_stack().run("jobs", "list", check=False)

    assert "there is no job 'surgee'; jobs are: " in unknown.stderr
    assert "surge does not run" in idle.stderr
    assert "JobManager does not answer" in nobody.stderr
    for result in (unknown, idle, nobody):
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
