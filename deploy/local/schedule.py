"""What is done to the lake and when: chains of `farol` commands, for every scheduler.

`farol lake run-loop` and the DAGs of `deploy/airflow` both read this table, so that they cannot
differ. Airflow lives in an environment of its own: nothing but the standard library is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DLQ_WINDOW_MINUTES: Final = 20
"""A little more than a watch's pause: what was read before a watch may be committed after it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One command; `farol` stands before its words."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Tasks in order, each only after the one before has succeeded; never two runs at once.

    Attributes:
        name: As users type it.
        description: One line.
        cron: When, in UTC: minute, hour, day of month, month, day of week.
        tasks: In order.
        retries: How often a failed task is tried again before the chain ends as failed.
        limit_minutes: A run that takes longer is ended.
    """

    name: str
    description: str
    cron: str
    tasks: tuple[Task, ...]
    retries: int = 1
    limit_minutes: int = 55


STEPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # together, so that all of Silver has the bound of one build
        "silver": ("resource_type:seed", "path:models/silver"),
        "gold-dimensions": ("path:models/gold/dimensions",),
        "gold-facts": ("path:models/gold/facts",),
        "gold-aggregates": ("path:models/gold/aggregates",),
    }
)
"""Steps of a build in their order, and what dbt selects for each."""


def selection(step: str) -> tuple[str, ...]:
    """Return dbt's words for one step: its models, and the tests that need no later one.

    dbt adds every test that looks at a selected model; one that compares it with a model of a later
    step is left to that step.

    Raises:
        KeyError: There is no such step.
    """
    wanted = STEPS[step]
    later = [word for other in list(STEPS)[list(STEPS).index(step) + 1 :] for word in STEPS[other]]
    return ("--select", *wanted, *(("--exclude", *later) if later else ()))


LAKEHOUSE: Final = Chain(
    name="lakehouse",
    description="Silver from Bronze, then Gold: dimensions, facts, aggregates; then their health",
    cron="5 * * * *",
    tasks=(
        Task("bronze-freshness", ("lake", "freshness")),
        *(Task(step, ("lake", "build", "--step", step)) for step in STEPS),
        # last: what it finds keeps nothing from being built
        Task("health", ("lake", "health")),
    ),
)
DLQ_WATCH: Final = Chain(
    name="dlq-watch",
    description="Malformed records of the last minutes, by topic",
    cron="*/15 * * * *",
    tasks=(Task("dlq-watch", ("lake", "dlq-watch", "--minutes", str(DLQ_WINDOW_MINUTES))),),
    limit_minutes=14,
)
MAINTENANCE: Final = Chain(
    name="maintenance",
    description="Merge small files, drop old snapshots and files that belong to nothing",
    cron="35 3 * * *",
    tasks=(Task("maintain", ("lake", "maintain")),),
    limit_minutes=180,
)
CHAINS: Final = (LAKEHOUSE, DLQ_WATCH, MAINTENANCE)
