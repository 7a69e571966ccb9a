"""The faults a run must survive, and seeded plans of them."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from tests.e2e.steps import (
    have_checkpointed,
    job_states,
    kill,
    kill_python_worker,
    wait_for,
)
from tests.stack_control import TestStack

Fault = Callable[[TestStack], None]


def _killed(service: str) -> Fault:
    return lambda stack: kill(stack, service)


def _stopped_and_resumed(stack: TestStack) -> None:
    stack.run("jobs", "stop", "surge")
    stack.run("jobs", "submit", "surge")


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "taskmanager": _killed("taskmanager"),
        "jobmanager": _killed("jobmanager"),
        "python worker": kill_python_worker,
        "kafka": _killed("kafka"),
        "redis": _killed("redis"),
        "catalog": _killed("catalog"),
        "feeder": _killed("feeder"),
        "stop with savepoint, resume": _stopped_and_resumed,
    }
)
RESTARTED: Final = ("taskmanager", "jobmanager", "kafka", "redis", "catalog", "feeder")
"""Faults that are the name of a service, which the supervisor starts again."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one fault cost: wall seconds from the fault until every job completed a checkpoint."""

    fault: str
    seconds: float


def plan(seed: int, names: Sequence[str] = tuple(FAULTS)) -> list[tuple[float, str]]:
    """Return (seconds to wait, fault) in seeded order; the same seed gives the same plan."""
    chance = random.Random(seed)
    return [(chance.uniform(1.0, 8.0), name) for name in chance.sample(list(names), len(names))]


def inflict(
    stack: TestStack, steps: Sequence[tuple[float, str]], jobs: Sequence[str]
) -> list[Recovery]:
    """Break one part after the other, each once the jobs have recovered from the one before."""
    recoveries = []
    for pause_s, name in steps:
        time.sleep(pause_s)
        before = job_states(stack)
        began = time.monotonic()
        FAULTS[name](stack)
        wait_for(
            f"every job checkpoints after: {name}",
            partial(have_checkpointed, stack, jobs, before),
        )
        recoveries.append(Recovery(name, time.monotonic() - began))
    return recoveries
