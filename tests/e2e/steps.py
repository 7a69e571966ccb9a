"""What whole-stack tests do to a stack: wait, break a part, bring a run to its end, audit it."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx
import psutil
import pytest

from tests.stack_control import TestStack

WAIT_S = 300.0
_PYTHON_WORKER = "pyflink.fn_execution.beam.beam_boot"


def wait_for(what: str, condition: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """Return what the condition answers as soon as it is true."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        answer = condition()
        if answer:
            return answer
        time.sleep(2.0)
    pytest.fail(f"{what}: not within {timeout_s:.0f} s")


def job_states(stack: TestStack) -> dict[str, dict[str, Any]]:
    """Return `farol jobs list` by name; empty while the JobManager is away."""
    # it fails for an unhealthy job too, and then still says what it knows
    listed = stack.run("jobs", "list", "--json", check=False).stdout
    return {j["name"]: j for j in json.loads(listed)} if listed else {}


def have_checkpointed(
    stack: TestStack, names: Iterable[str], before: Mapping[str, dict[str, Any]]
) -> bool:
    """Return whether every job runs and has completed a checkpoint since `before`.

    Args:
        stack: The stack.
        names: Jobs.
        before: What `job_states` said then. A job that was submitted again counts anew.
    """
    now = job_states(stack)

    def has(name: str) -> bool:
        job, old = now.get(name, {}), before.get(name, {})
        counted = old.get("checkpoints", 0) if job.get("job_id") == old.get("job_id") else 0
        return job.get("state") == "RUNNING" and job["checkpoints"] > counted

    return all(has(name) for name in names)


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


def kill_python_worker(stack: TestStack) -> None:
    """Kill one of the processes in which the TaskManager runs Python functions."""
    task_manager = psutil.Process(stack.status()["taskmanager"]["pid"])
    workers = [child for child in task_manager.children(recursive=True) if _is_worker(child)]
    assert workers, "no job runs Python functions"
    victim = min(workers, key=lambda worker: worker.pid)
    victim.kill()
    wait_for("the Python worker is gone", lambda: not victim.is_running())


def _is_worker(process: psutil.Process) -> bool:
    try:
        return any(_PYTHON_WORKER in argument for argument in process.cmdline())
    except psutil.NoSuchProcess:  # gone since it was listed
        return False


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


def end_city(stack: TestStack) -> None:
    """End the run of the simulator and wait until its ledger is closed."""
    stack.run("sim", "end", timeout_s=600)
    wait_for(
        "the city has ended",
        lambda: json.loads(stack.run("sim", "status", "--json").stdout)["is_ended"],
    )


def caught_up(stack: TestStack, names: Iterable[str]) -> None:
    """Wait until two more checkpoints of every job are complete, none of them behind."""
    jobs = tuple(names)
    before = {name: job["checkpoints"] for name, job in job_states(stack).items()}
    wait_for(
        "two more checkpoints",
        lambda: all(
            job_states(stack).get(name, {}).get("checkpoints", 0) >= before.get(name, 0) + 2
            for name in jobs
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
