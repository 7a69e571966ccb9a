"""Operator identities that stay the same from one submission to the next.

The planner's own (`table.exec.uid.generation`) hold a number that goes on counting inside a
JobManager, so the second submission of a job there would not find its state. Here an identity is
`<job>.<operator>`, after the operator's name without that number; a name that occurs again gets a
number of its own, in the order of the plan.
"""

import re
from collections.abc import Iterable

_COUNTER = re.compile(r"\[\d+\]")
_OTHER = re.compile(r"[^A-Za-z0-9_]+")


def operator_name(planner_name: str) -> str:
    """Return an operator's name without the planner's counter, e.g. `deduplicate`."""
    return _OTHER.sub("_", _COUNTER.sub("", planner_name)).strip("_").lower() or "operator"


def identities(job: str, planner_names: Iterable[str]) -> list[str]:
    """Return one distinct identity per operator, in the order given."""
    seen: dict[str, int] = {}
    result = []
    for name in map(operator_name, planner_names):
        seen[name] = seen.get(name, 0) + 1
        result.append(f"{job}.{name}" if seen[name] == 1 else f"{job}.{name}_{seen[name]}")
    return result
