"""What of a batch is worth a write: the newest value per entity, and which runs it tells of.

Redis decides in the end (its guard knows what was written before); this only spares it the rest.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar


class OfRun(Protocol):
    """A value that belongs to a run."""

    @property
    def run_id(self) -> str:
        """Identifier of the run."""
        ...


V = TypeVar("V")
R = TypeVar("R", bound=OfRun)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a batch says about one run: wall time of its first record, newest event time."""

    first_wall_ms: int
    newest_event_ms: int


def newest(
    values: Iterable[V], key: Callable[[V], Hashable], version: Callable[[V], tuple[int, ...]]
) -> list[V]:
    """Return one value per key, the one with the greatest version; of equals the first.

    Values keep the order in which their keys came first.
    """
    best: dict[Hashable, V] = {}
    for value in values:
        identity = key(value)
        known = best.get(identity)
        if known is None or version(value) > version(known):
            best[identity] = value
    return list(best.values())


def runs_of(records: Iterable[tuple[R, int]], event_ms: Callable[[R], int]) -> dict[str, Seen]:
    """Return per run what the records say about it.

    Args:
        records: Values with the wall time (epoch ms) at which their record was made.
        event_ms: Event time of a value.
    """
    found: dict[str, Seen] = {}
    for value, wall_ms in records:
        known = found.get(value.run_id)
        event = event_ms(value)
        found[value.run_id] = (
            Seen(wall_ms, event)
            if known is None
            else Seen(min(known.first_wall_ms, wall_ms), max(known.newest_event_ms, event))
        )
    return found
