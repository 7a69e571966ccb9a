"""In which zone one driver is idle: where the newest status says `available`.

The state is a short list of the newest statuses. Each new one changes the driver's presence over
time, and the difference to the presence before is emitted, so statuses may come in any order and
more than once.

What is lost when it is lost: without its later status a driver stays idle until the next one, at
most `RETENTION_MS`; a late copy older than the remembered statuses is counted as a late record
though it is a repeat.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from flink_jobs.logic.surge_deltas import Step, ZoneDelta

RETENTION_MS: Final = 26 * 3600 * 1000
"""Event time after which a driver without news is forgotten: beyond the longest shift (24 h)."""
REMEMBERED: Final = 4
"""Superseded statuses kept per driver, to tell a repeat from news."""


@dataclass(frozen=True, slots=True)
class StatusFact:
    """One status of a driver, as far as surge is concerned.

    Attributes:
        driver_id: The driver.
        event_id: Identity of the event; decides between two of the same time.
        idle_zone_id: Zone in which the driver is idle from now on, None if in none.
        event_ms: When it happened.
        effective_ms: From when on it counts; later than `event_ms` for a late record.
        settled_ms: Instant up to which its partition has no more to say. Decides what is forgotten:
            the watermark would do as well, but depends on the pace of reading.
        run_id: The run it belongs to.
    """

    driver_id: str
    event_id: str
    idle_zone_id: int | None
    event_ms: int
    effective_ms: int
    settled_ms: int
    run_id: str


@dataclass(frozen=True, slots=True)
class Status:
    """One remembered status."""

    event_ms: int
    event_id: str
    effective_ms: int
    idle_zone_id: int | None

    @property
    def rank(self) -> tuple[int, str]:
        """Which of two statuses is newer."""
        return self.event_ms, self.event_id


@dataclass(frozen=True, slots=True)
class Driver:
    """What is known of one driver; `statuses` by rank, oldest first, never empty."""

    statuses: tuple[Status, ...]
    run_id: str
    timer_ms: int


def on_status(state: Driver | None, fact: StatusFact) -> Step[Driver, ZoneDelta]:
    """Return what one status does to the counts of zones."""
    known = state.statuses if state else ()
    new = Status(fact.event_ms, fact.event_id, fact.effective_ms, fact.idle_zone_id)
    if any(status.rank == new.rank for status in known):
        return Step(state)
    statuses = tuple(sorted((*known, new), key=lambda status: status.rank))
    changes = _changes(statuses)
    changes.subtract(_changes(known))
    late = _late_zones(statuses, new)
    emit = tuple(
        ZoneDelta(
            zone_id,
            at_ms,
            fact.run_id,
            idle_change=changes[(at_ms, zone_id)],
            late_records=int((at_ms, zone_id) in late),
        )
        for at_ms, zone_id in sorted(changes.keys() | late)
        if changes[(at_ms, zone_id)] or (at_ms, zone_id) in late
    )
    timer_ms = state.timer_ms if state else fact.effective_ms + RETENTION_MS
    run_id = fact.run_id if statuses[-1] is new or state is None else state.run_id
    return Step(
        Driver(_remember(statuses, fact.settled_ms), run_id, timer_ms),
        emit,
        timer_ms=None if state else timer_ms,
    )


def on_driver_timer(
    state: Driver | None, timer_ms: int, watermark_ms: int
) -> Step[Driver, ZoneDelta]:
    """Return what passing time does: a driver without news for `RETENTION_MS` is forgotten."""
    if state is None or timer_ms < state.timer_ms:
        return Step(state)
    due_ms = max(status.effective_ms for status in state.statuses) + RETENTION_MS
    if due_ms > watermark_ms:
        return Step(replace(state, timer_ms=due_ms), timer_ms=due_ms)
    zone_id = state.statuses[-1].idle_zone_id
    if zone_id is None:
        return Step(None)
    return Step(None, (ZoneDelta(zone_id, due_ms, state.run_id, idle_change=-1),))


def _changes(statuses: Iterable[Status]) -> Counter[tuple[int, int]]:
    """Return the steps of the driver's presence per (instant, zone).

    At any instant the status of the highest rank counts among those that are in effect by then.
    """
    changes: Counter[tuple[int, int]] = Counter()
    current: Status | None = None
    for status in sorted(statuses, key=lambda s: (s.effective_ms, s.rank)):
        if current is not None and status.rank < current.rank:
            continue
        if current is not None and current.idle_zone_id is not None:
            changes[(status.effective_ms, current.idle_zone_id)] -= 1
        if status.idle_zone_id is not None:
            changes[(status.effective_ms, status.idle_zone_id)] += 1
        current = status
    return changes


def _late_zones(statuses: tuple[Status, ...], new: Status) -> set[tuple[int, int]]:
    """Return (instant, zone) of the zones whose past counts lacked this status.

    These are the zone that the driver left by it and the one that it entered.
    """
    if new.effective_ms <= new.event_ms:
        return set()
    position = statuses.index(new)
    left = statuses[position - 1].idle_zone_id if position else None
    if left == new.idle_zone_id:
        return set()
    return {
        (new.effective_ms, zone_id) for zone_id in (left, new.idle_zone_id) if zone_id is not None
    }


def _remember(statuses: tuple[Status, ...], settled_ms: int) -> tuple[Status, ...]:
    """Return the statuses without those that can no longer matter."""
    settled = [i for i, status in enumerate(statuses) if status.effective_ms <= settled_ms]
    first = max(0, settled[-1] - REMEMBERED) if settled else 0
    return statuses[first:]
