"""Changes of a zone's counts, and the one clock rule of the job: from when on a record counts.

Every rule of this job is a function of the log alone, never of the pace of reading: a record that
came later than its partition allows counts from the first instant that is still open, and that
instant follows from its partition. No I/O and no Flink here.
"""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from contracts.rules import SURGE_OUT_OF_ORDERNESS_MS, SURGE_SLIDE_MS

WATERMARK_DELAY_MS: Final = SURGE_OUT_OF_ORDERNESS_MS + 1
"""A watermark W says that nothing at or before W comes; a record exactly at the limit may come."""

S = TypeVar("S")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Step(Generic[S, Out]):
    """What one event did: new state (None clears it), outputs, next timer (epoch ms)."""

    state: S | None
    emit: tuple[Out, ...] = ()
    timer_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ZoneDelta:
    """A change of one zone's counts from `at_ms` on, and how many late records it speaks for.

    An answer to an offer counts at `at_ms`: `offers_answered` of any kind, `offers_accepted`, and
    of those with a promised time to the pickup its sum (`eta_ms`) and their number.
    """

    zone_id: int
    at_ms: int
    run_id: str
    open_change: int = 0
    idle_change: int = 0
    late_records: int = 0
    offers_answered: int = 0
    offers_accepted: int = 0
    eta_ms: int = 0
    eta_count: int = 0


def effective_ms(event_ms: int, high_ms: int) -> int:
    """Return the instant from which a record counts.

    It is the event time, or for a late record the oldest instant that its partition still admits.
    It always lies after the watermark, which is `WATERMARK_DELAY_MS` behind the least advanced
    partition.

    Args:
        event_ms: Event time of the record.
        high_ms: Newest event time of its partition up to and including this record.
    """
    return max(event_ms, high_ms - SURGE_OUT_OF_ORDERNESS_MS)


def tick_of(at_ms: int) -> int:
    """Return the first window end at or after an instant; ends are multiples of the slide."""
    return -(-at_ms // SURGE_SLIDE_MS) * SURGE_SLIDE_MS
