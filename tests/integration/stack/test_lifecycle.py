"""The stack starts, survives kills, is seen, and always goes down, on loopback only."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from redis import Redis

from tests.waiting import eventually


def _processes(home: object) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if "FAROL_SERVICE" in environment and environment.get("FAROL_HOME") == str(home):
            found.append(process)
    return found


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.catalog
@pytest.mark.flink
@pytest.mark.trino
@pytest.mark.timeout(900)
def test_every_listener_is_on_loopback(stack):
    stack.up("kafka", "redis", "taskmanager", "trino")

    listening = [
        (connection.laddr.ip, connection.laddr.port)
        for process in _processes(stack.home)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]

    ports = {port for _, port in listening}
    expected = (
        *("kafka", "kafka_controller", "redis", "catalog", "flink", "flink_jobmanager_rpc"),
        *("flink_blob", "flink_jobmanager_metrics", "flink_taskmanager_metrics"),
        *("flink_taskmanager_rpc", "flink_taskmanager_data", "trino"),
    )
    assert {stack.port(name) for name in expected} <= ports
    assert [
        entry for entry in listening if entry[0] not in ("127.0.0.1", "::ffff:127.0.0.1", "::1")
    ] == []


@pytest.mark.redis
def test_a_killed_service_comes_back_and_is_counted(stack):
    stack.up("redis")
    before = stack.status()["redis"]

    os.kill(before["pid"], signal.SIGKILL)

    eventually(lambda: stack.status()["redis"]["restarts"] > before["restarts"], "a restart")
    eventually(lambda: stack.status()["redis"]["ready"], "redis answers again")
    after = stack.status()["redis"]
    assert after["pid"] != before["pid"]
    assert "SIGKILL" in after["last_exit"]


@pytest.mark.redis
def test_down_works_after_the_supervisor_was_killed(new_stack):
    stack = new_stack()
    stack.up("redis")
    (supervisor,) = [p for p in _processes(stack.home) if "supervisord" in " ".join(p.cmdline())]
    supervisor.kill()
    supervisor.wait(10)
    assert _processes(stack.home)

    stack.down()

    assert _processes(stack.home) == []
    stack.up("redis")
    assert stack.status()["redis"]["ready"]


@pytest.mark.redis
def test_down_signals_only_its_own_processes(new_stack):
    stack = new_stack()
    stack.up("redis")
    # a shell of a user who exported FAROL_HOME
    bystander = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env=stack.env
    )
    try:
        stack.down()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.redis
def test_two_stacks_run_side_by_side(stack, new_stack):
    other = new_stack()
    stack.up("redis")
    other.up("redis")
    Redis(port=stack.port("redis")).set("whose", "first")
    Redis(port=other.port("redis")).set("whose", "second")

    other.down()

    assert Redis(port=stack.port("redis")).get("whose") == b"first"


@pytest.mark.redis
def test_a_taken_port_is_named_with_what_to_do(stack, new_stack):
    stack.up("redis")
    second = new_stack(FAROL_PORT_OFFSET=str(stack.port_offset))

    result = second.run("up", "redis", check=False)

    assert result.returncode == 1
    assert f"port {stack.port('redis')} (redis) is taken by pid" in result.stderr
    assert "FAROL_PORT_OFFSET" in result.stderr
    assert "Traceback" not in result.stderr


def test_down_with_nothing_running_says_so(new_stack):
    assert "nothing was running" in new_stack().run("down").stderr


def test_an_unknown_service_lists_the_known_ones(new_stack):
    result = new_stack().run("up", "kafak", check=False)

    assert result.returncode == 1
    assert "no service 'kafak'" in result.stderr
    assert "kafka" in result.stderr
