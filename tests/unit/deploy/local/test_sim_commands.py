"""`farol sim` against the real control server; runs go to the memory port."""

import json
import socket
import threading
import time

import pytest
import uvicorn
from typer.testing import CliRunner

from contracts.ports import port
from deploy.local import sim_commands
from deploy.local.sim_commands import SimClientError
from sim.control.runner import Runner
from sim.control.server import build
from sim.publishing.memory import MemoryPort

KEY = "key-of-a-test"
PATIENCE_S = 60


def _free_offset():
    for offset in range(20_000, 40_000, 7):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port("sim", offset)))
            except OSError:
                continue
            return offset
    raise AssertionError("no free port")


class Stack:
    """A control server and the environment of commands that speak to it."""

    def __init__(self, home):
        self.home = home
        self.offset = _free_offset()
        self.runner = Runner(MemoryPort, home)
        (home / "secrets").mkdir(exist_ok=True)
        (home / "secrets" / "api_key").write_text(KEY, encoding="utf-8")
        config = uvicorn.Config(
            build(self.runner, KEY, home),
            host="127.0.0.1",
            port=port("sim", self.offset),
            log_level="warning",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def begin(self):
        self._thread.start()
        until_s = time.monotonic() + PATIENCE_S
        while not self._server.started:
            assert time.monotonic() < until_s
            time.sleep(0.02)

    def end(self):
        self.runner.shut_down()
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)

    def run(self, *arguments):
        environment = {"FAROL_HOME": str(self.home), "FAROL_PORT_OFFSET": str(self.offset)}
        result = CliRunner().invoke(sim_commands.app, list(arguments), env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def wait(self, condition):
        until_s = time.monotonic() + PATIENCE_S
        while not condition(status := self.status()):
            assert time.monotonic() < until_s, status
            time.sleep(0.05)
        return status


@pytest.fixture
def stack(tmp_path):
    opened = Stack(tmp_path)
    opened.begin()
    yield opened
    opened.end()


def test_a_run_from_start_to_end(stack):
    assert "STOPPED" in stack.run("status").stdout
    assert "of scenario small runs" in stack.run("start", "small", "--seed", "4").stdout
    assert stack.status()["seed"] == 4
    stack.run("speed", "0")
    assert stack.wait(lambda status: status["trips_in_flight"] > 0)["speed_ratio"] == 0
    assert "no trip in flight" in stack.run("drain").stdout
    shown = stack.run("status").stdout
    assert "PAUSED" in shown
    assert "rideshare.gps_pings" in shown
    stack.run("resume")
    stack.wait(lambda status: status["state"] == "RUNNING")
    said = stack.run("end").stdout
    assert "ended" in said
    assert "truth.sqlite" in said.replace("\n", "")
    assert stack.status()["is_ended"]


def test_a_snapshot_is_taken_up_where_it_was(stack):
    stack.run("start", "small", "--speed", "0", "--no-faults")
    stack.wait(lambda status: status["records_total"] > 0)
    stack.run("drain")
    stood = stack.status()
    folder = stack.run("snapshot", "evening").stdout.replace("\n", "")
    assert folder.endswith(f"{stood['run_id']}/snapshots/evening")
    stack.end()
    again = Stack(stack.home)
    again.begin()
    try:
        assert "stands still" in again.run("restore", stood["run_id"], "evening").stdout
        assert again.status()["sim_time"] == stood["sim_time"]
    finally:
        again.end()


def test_agents_are_steered_and_reset_ends_at_once(stack):
    stack.run("start", "small", "--speed", "1")
    stack.run("agent", "add_driver", "puppet-1", "home_zone_id=78", "is_puppet=true")
    stack.run("agent", "go_online", "puppet-1", "lat=-23.5505", "lon=-46.6333")
    assert stack.status()["drivers"]["available"] >= 1
    with pytest.raises(SimClientError, match="accept"):
        stack.run("agent", "accept", "puppet-1")
    with pytest.raises(SimClientError, match="write name=value"):
        stack.run("agent", "add_driver", "puppet-2", "78")
    assert "ended at" in stack.run("reset").stdout
    assert stack.status()["is_ended"]


def test_a_file_of_ones_own_is_run_and_a_wrong_key_is_named(stack, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\nbase: small\nspeed_ratio: 0\n", encoding="utf-8")
    assert "of scenario mine runs" in stack.run("start", "--config", str(mine)).stdout
    stack.run("end")
    mine.write_text("name: mine\nbase: small\nagents: {drivers: -3}\n", encoding="utf-8")
    with pytest.raises(SimClientError, match=r"agents\.drivers"):
        stack.run("start", "--config", str(mine))
    mine.write_text("- just\n- a list\n", encoding="utf-8")
    with pytest.raises(SimClientError, match="holds no mapping"):
        stack.run("start", "--config", str(mine))
    with pytest.raises(SimClientError, match="cannot be read as YAML"):
        stack.run("start", "--config", str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize("command", ["drain", "resume", "end", "reset", "snapshot"])
def test_what_cannot_be_is_refused_in_words(stack, command):
    with pytest.raises(SimClientError, match="while STOPPED"):
        stack.run(command)
    with pytest.raises(SimClientError, match="while STOPPED"):
        stack.run("speed", "3")


def test_an_absent_simulator_and_key_are_named(tmp_path):
    away = Stack(tmp_path)
    with pytest.raises(SimClientError, match="run `farol up sim`"):
        away.run("status")
    (tmp_path / "secrets" / "api_key").unlink()
    with pytest.raises(SimClientError, match="no API key"):
        away.run("status")


def test_runs_of_their_own_go_to_files_and_are_repeated(tmp_path):
    away = Stack(tmp_path)
    out, again = tmp_path / "out", tmp_path / "again"
    assert away.run("run", "small", "--until", "90s", "--out", str(out)).exit_code == 0
    (run_folder,) = (out / "runs").iterdir()
    assert away.run("repeat", str(run_folder), "--out", str(again)).exit_code == 0
    for path in out.glob("*.jsonl"):
        assert path.read_bytes() == (again / path.name).read_bytes()
    assert away.run("run", "atlantis", "--until", "90s", "--out", str(out)).exit_code != 0
