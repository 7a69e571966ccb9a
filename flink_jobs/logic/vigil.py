"""Which drivers have fallen silent although they are on shift: zombies.

A driver is a zombie once `ZOMBIE_SILENCE_MS` have passed without a ping since the last one, or
since coming on shift, and until the next ping or the end of the shift. The clock is that of the
driver's own run: the newest event time of its records per minute. The watermark would not do: the
`stream_end` of a run, or a later run, moves it far ahead, and every driver of a run that has ended
would be a zombie.

Drivers are kept in groups, so that one tick of the clock is one change of state per group.

What is lost when it is lost: an alert that was due, or its end; the next silence is seen again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from contracts.anomalies import (
    ANOMALY_RULE_VERSION,
    SEVERITIES,
    ZOMBIE_SILENCE_MS,
    AnomalyKind,
    AnomalyPhase,
)
from contracts.events import EntityType
from contracts.live import Anomaly
from flink_jobs.logic.gps_track import anomaly_id
from flink_jobs.logic.ping_windows import FIELD_END, RECORD_END
from flink_jobs.logic.surge_deltas import Step

GROUPS: Final = "0123456789abcdef"
"""Groups per run, each named by a digit: at 10,000 drivers one holds about 625, some 40 kB."""
RETENTION_MS: Final = 26 * 3600 * 1000
"""Event time after which a group without news is forgotten: beyond the longest shift (24 h)."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of a driver: a ping (`is_on_shift` None), or a status."""

    driver_id: str
    at_ms: int
    is_on_shift: bool | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock of a run: its newest event time in a minute, complete at `due_ms`."""

    due_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver as of the last tick: on shift or not, silent since, zombie since."""

    is_on_shift: bool = False
    heard_ms: int = -1
    zombie_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Some drivers of one run; `signs` and `ticks` wait for the clock."""

    drivers: dict[str, Driver]
    signs: tuple[Sign, ...] = ()
    ticks: tuple[Tick, ...] = ()
    ticked_ms: int = 0
    expires_ms: int = 0


def on_signs(state: Group | None, signs: Iterable[Sign]) -> Step[Group, Anomaly]:
    """Return the group with more signs to look at when the clock gets there."""
    group = state or Group({})
    return Step(replace(group, signs=(*group.signs, *signs)))


def on_tick(state: Group | None, tick: Tick) -> Step[Group, Anomaly]:
    """Return the group with one more tick to come, and when it is due.

    A group of which nothing is known yet keeps it too: pings and statuses are read at different
    paces, and a sign of the time before the tick may still come.
    """
    group = state or Group({})
    return Step(replace(group, ticks=(*group.ticks, tick)), timer_ms=tick.due_ms)


def on_watermark(state: Group | None, run_id: str, watermark_ms: int) -> Step[Group, Anomaly]:
    """Return what the ticks say that are due, in their order, and when to think of forgetting."""
    if state is None:
        return Step(None)
    due = sorted((t for t in state.ticks if t.due_ms <= watermark_ms), key=lambda t: t.due_ms)
    waiting = tuple(t for t in state.ticks if t.due_ms > watermark_ms)
    group, said = replace(state, ticks=waiting), list[Anomaly]()
    for tick in due:
        group = replace(_settle(group, run_id, tick.at_ms, said), ticked_ms=tick.due_ms)
    if group.expires_ms > watermark_ms:
        return Step(group, tuple(said))
    expires_ms = max(group.ticked_ms, *(t.due_ms for t in waiting), 0) + RETENTION_MS
    if expires_ms <= watermark_ms:
        return Step(None, tuple(said))
    return Step(replace(group, expires_ms=expires_ms), tuple(said), timer_ms=expires_ms)


def _settle(group: Group, run_id: str, now_ms: int, said: list[Anomaly]) -> Group:
    drivers = dict(group.drivers)
    due = sorted(
        (s for s in group.signs if s.at_ms <= now_ms),
        key=lambda s: (s.at_ms, s.is_on_shift is not None, s.driver_id),
    )
    for sign in due:
        driver = drivers.get(sign.driver_id, Driver())
        driver = _listen(driver, sign.driver_id, run_id, sign.at_ms - 1, said)
        drivers[sign.driver_id] = _hear(driver, sign, run_id, said)
    for driver_id in sorted(drivers):
        drivers[driver_id] = _listen(drivers[driver_id], driver_id, run_id, now_ms, said)
    return replace(group, drivers=drivers, signs=tuple(s for s in group.signs if s.at_ms > now_ms))


def _listen(
    driver: Driver, driver_id: str, run_id: str, until_ms: int, said: list[Anomaly]
) -> Driver:
    """Return the driver after silence up to an instant, inclusive."""
    begins_ms = driver.heard_ms + ZOMBIE_SILENCE_MS
    if not driver.is_on_shift or driver.zombie_ms is not None or begins_ms > until_ms:
        return driver
    said.append(_anomaly(driver, driver_id, run_id, AnomalyPhase.RAISED, begins_ms))
    return replace(driver, zombie_ms=begins_ms)


def _hear(driver: Driver, sign: Sign, run_id: str, said: list[Anomaly]) -> Driver:
    """Return the driver after a sign."""
    is_end = sign.is_on_shift is None or not sign.is_on_shift
    if driver.zombie_ms is not None and is_end:
        said.append(_anomaly(driver, sign.driver_id, run_id, AnomalyPhase.CLEARED, sign.at_ms))
        driver = replace(driver, zombie_ms=None)
    if sign.is_on_shift is None:
        return replace(driver, heard_ms=sign.at_ms)
    if sign.is_on_shift and not driver.is_on_shift:
        return replace(driver, is_on_shift=True, heard_ms=max(driver.heard_ms, sign.at_ms))
    return replace(driver, is_on_shift=sign.is_on_shift)


def _anomaly(
    driver: Driver, driver_id: str, run_id: str, phase: AnomalyPhase, at_ms: int
) -> Anomaly:
    kind = AnomalyKind.ZOMBIE_DRIVER
    return Anomaly(
        anomaly_id=anomaly_id(kind, run_id, f"{driver_id}|{driver.heard_ms}"),
        kind=kind,
        phase=phase,
        severity=SEVERITIES[kind],
        rule_version=ANOMALY_RULE_VERSION,
        reason="silent",
        entity_id=driver_id,
        entity_type=EntityType.DRIVER,
        event_time_ms=at_ms,
        run_id=run_id,
        previous_event_time_ms=driver.heard_ms,
        lasted_ms=at_ms - driver.heard_ms,
    )


def unpack(packed: str) -> Iterator[Sign]:
    """Yield the signs that `driver_signs.sql` packs into one text."""
    for text in packed.split(RECORD_END):
        first_ms, last_ms, kind, driver_id = text.split(FIELD_END, 3)
        if kind == "ping":
            yield from heard(driver_id, int(first_ms), int(last_ms))
        else:
            yield Sign(driver_id, int(first_ms), kind == "on_shift")


def heard(driver_id: str, first_ms: int, last_ms: int) -> Iterable[Sign]:
    """Return the signs of a minute in which a driver pinged: its first and its last ping."""
    yield Sign(driver_id, first_ms)
    if last_ms != first_ms:
        yield Sign(driver_id, last_ms)
