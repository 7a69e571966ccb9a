"""The simulator as a service of the stack, steered with `farol sim`."""

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
PATIENCE_S = 400


def _status(stack):
    return json.loads(stack.run("sim", "status", "--json").stdout)


def _wait(stack, condition):
    until_s = time.monotonic() + PATIENCE_S
    while True:
        status = _status(stack)
        if condition(status):
            return status
        assert time.monotonic() < until_s, status
        time.sleep(0.5)


def test_a_run_is_started_drained_and_ended(stack):
    stack.up("kafka", "sim")
    assert "runs" in stack.run("sim", "start", "small", "--speed", "0").stdout
    running = _wait(stack, lambda status: status["trips"].get("COMPLETED", 0) > 3)
    assert "no trip in flight" in stack.run("sim", "drain").stdout
    paused = _status(stack)
    assert paused["state"] == "PAUSED"
    assert paused["run_id"] == running["run_id"]
    assert "ended" in stack.run("sim", "end").stdout
    ended = _status(stack)
    assert ended["is_ended"]
    with closing(sqlite3.connect(Path(ended["ledger"]))) as db:
        produced = db.execute("select sum(records) from produced").fetchone()
        grown = db.execute("select sum(end_offset - first_offset) from offsets").fetchone()
    assert produced == grown == (ended["records_total"],)


def test_a_refused_command_says_why_without_a_trace(stack):
    stack.up("kafka", "sim")
    refused = stack.run("sim", "resume", check=False)
    assert refused.returncode != 0
    text = refused.stdout + refused.stderr
    assert "cannot resume while STOPPED" in text
    assert "Traceback" not in text
    wrong = stack.run("sim", "start", "atlantis", check=False)
    assert wrong.returncode != 0
    assert "known are carnival_night, demo" in wrong.stdout + wrong.stderr


def test_after_a_crash_it_is_stopped_and_names_the_unfinished_run(new_stack):
    stack = new_stack()
    stack.up("kafka", "sim")
    stack.run("sim", "start", "small")
    run_id = _wait(stack, lambda status: status["records_total"] > 0)["run_id"]
    crashed = stack.status()["sim"]["pid"]
    os.kill(crashed, signal.SIGKILL)
    until_s = time.monotonic() + PATIENCE_S
    while True:
        service = stack.status()["sim"]
        if service["ready"] and service["pid"] not in (None, crashed):
            break
        assert time.monotonic() < until_s, service
        time.sleep(1)
    status = _status(stack)
    assert status["state"] == "STOPPED"
    assert status["unfinished_runs"] == [run_id]
