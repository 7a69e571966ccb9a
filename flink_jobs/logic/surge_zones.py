"""The counts of one zone, sampled at every window end, and the multiplier they give.

A zone is at rest when nothing waits, nobody is idle and the smoothed ratio has decayed to 0. It
speaks at every window end while it is not at rest, once more when it comes to rest, and then not
until something changes: a silent zone decays and does not freeze.

What is lost when it is lost: one missing delta shifts a count for as long as its trip or driver
keeps it shifted; the smoothed ratio forgets after one window. State: two counts, at most 30
samples, changes of ticks to come.
"""

from dataclasses import dataclass, replace
from typing import Final

from contracts.live import ZoneMetrics
from contracts.rules import (
    SURGE_SLIDE_MS,
    SURGE_SLIDES_PER_WINDOW,
    SURGE_WINDOW_MS,
    smoothed_ratio,
    surge_multiplier,
    surge_ratio,
)
from flink_jobs.logic.surge_deltas import Step, ZoneDelta, tick_of

END_OF_INPUT_MS: Final = 2**63 - 1
"""The watermark after the last record of a bounded input: no instant, so no tick follows."""


@dataclass(frozen=True, slots=True)
class TickChange:
    """Sum of the changes that take effect at one tick, and the newest of their runs."""

    tick_ms: int
    open_change: int
    idle_change: int
    late_records: int
    run_at_ms: int
    run_id: str
    offers_answered: int = 0
    offers_accepted: int = 0
    eta_ms: int = 0
    eta_count: int = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """Offers answered in the slide that ends at one tick; see `ZoneDelta`."""

    tick_ms: int
    answered: int
    accepted: int
    eta_ms: int
    eta_count: int


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone after its last tick; `pending` by tick, `samples` and `answers` oldest first."""

    tick_ms: int = 0
    open_requests: int = 0
    idle_drivers: int = 0
    samples: tuple[float, ...] = ()
    is_speaking: bool = False
    run_at_ms: int = -1
    run_id: str = ""
    pending: tuple[TickChange, ...] = ()
    answers: tuple[Answers, ...] = ()


def is_too_late(delta: ZoneDelta, watermark_ms: int) -> bool:
    """Return whether the tick of a change has passed.

    `effective_ms` makes this impossible; a counter watches it.
    """
    return delta.at_ms <= watermark_ms < END_OF_INPUT_MS


def on_delta(state: Zone | None, delta: ZoneDelta, watermark_ms: int) -> Step[Zone, ZoneMetrics]:
    """Return the zone with one more change to come, and the tick at which it takes effect."""
    zone = state or Zone()
    at_ms = watermark_ms + 1 if is_too_late(delta, watermark_ms) else delta.at_ms
    new = TickChange(
        tick_of(at_ms),
        delta.open_change,
        delta.idle_change,
        delta.late_records,
        delta.at_ms,
        delta.run_id,
        delta.offers_answered,
        delta.offers_accepted,
        delta.eta_ms,
        delta.eta_count,
    )
    by_tick = {change.tick_ms: change for change in zone.pending}
    known = by_tick.get(new.tick_ms)
    by_tick[new.tick_ms] = _merged(known, new) if known else new
    pending = tuple(by_tick[tick_ms] for tick_ms in sorted(by_tick))
    return Step(replace(zone, pending=pending), timer_ms=new.tick_ms)


def on_watermark(state: Zone | None, zone_id: int, watermark_ms: int) -> Step[Zone, ZoneMetrics]:
    """Return the zone after every window end up to the watermark, and what it says at each.

    All of them at once: a timer that is registered while a watermark passes fires at the next one,
    so with one timer per window end a change would overtake the window ends before it.

    Args:
        state: The zone after its last tick; None says that it is at rest.
        zone_id: The zone.
        watermark_ms: At `END_OF_INPUT_MS` a zone decays to rest, one that is still occupied stops
            after its last change. Without a timer: it would fire as often as it is registered.
    """
    zone = state
    said: list[ZoneMetrics] = []
    while zone is not None:
        if not zone.is_speaking and not zone.pending:
            # At rest, with answers that a window to come may still count.
            return Step(zone, tuple(said))
        tick_ms = _next_tick_ms(zone)
        if watermark_ms >= END_OF_INPUT_MS and not zone.pending and _is_occupied(zone):
            return Step(zone, tuple(said))
        if tick_ms > watermark_ms:
            return Step(zone, tuple(said), timer_ms=tick_ms)
        zone = _tick(zone, zone_id, tick_ms, said)
    return Step(None, tuple(said))


def _is_occupied(zone: Zone) -> bool:
    return bool(zone.open_requests or zone.idle_drivers)


def _next_tick_ms(zone: Zone) -> int:
    """Return the next window end at which the zone has something to do."""
    if zone.is_speaking:
        return zone.tick_ms + SURGE_SLIDE_MS
    return zone.pending[0].tick_ms


def _tick(zone: Zone, zone_id: int, tick_ms: int, said: list[ZoneMetrics]) -> Zone | None:
    due = tuple(change for change in zone.pending if change.tick_ms <= tick_ms)
    pending = zone.pending[len(due) :]
    open_requests = zone.open_requests + sum(change.open_change for change in due)
    idle_drivers = zone.idle_drivers + sum(change.idle_change for change in due)
    late_records = sum(change.late_records for change in due)
    run_at_ms, run_id = max(
        [(zone.run_at_ms, zone.run_id), *((change.run_at_ms, change.run_id) for change in due)]
    )
    ratio = surge_ratio(open_requests, idle_drivers)
    samples = (*zone.samples, ratio)[-SURGE_SLIDES_PER_WINDOW:]
    smoothed = smoothed_ratio(samples)
    answers = _answers(zone.answers, due, tick_ms)
    is_speaking = bool(open_requests or idle_drivers or smoothed or late_records)
    if is_speaking or zone.is_speaking:
        said.append(
            ZoneMetrics(
                zone_id=zone_id,
                window_start_ms=tick_ms - SURGE_WINDOW_MS,
                window_end_ms=tick_ms,
                open_requests=open_requests,
                idle_drivers=idle_drivers,
                ratio=ratio,
                smoothed_ratio=smoothed,
                multiplier=surge_multiplier(smoothed),
                late_records=late_records,
                run_id=run_id,
                acceptance=_acceptance(answers),
                mean_pickup_eta_s=_mean_eta_s(answers),
            )
        )
    if not (is_speaking or pending or answers):
        return None
    return Zone(
        tick_ms,
        open_requests,
        idle_drivers,
        samples if is_speaking else (),
        is_speaking,
        run_at_ms,
        run_id,
        pending,
        answers,
    )


def _answers(
    known: tuple[Answers, ...], due: tuple[TickChange, ...], tick_ms: int
) -> tuple[Answers, ...]:
    """Return the answers within the window that ends at a tick."""
    new = tuple(
        Answers(tick_ms, each.offers_answered, each.offers_accepted, each.eta_ms, each.eta_count)
        for each in due
        if each.offers_answered
    )
    return tuple(a for a in (*known, *new) if a.tick_ms > tick_ms - SURGE_WINDOW_MS)


def _acceptance(answers: tuple[Answers, ...]) -> float | None:
    answered = sum(each.answered for each in answers)
    return sum(each.accepted for each in answers) / answered if answered else None


def _mean_eta_s(answers: tuple[Answers, ...]) -> float | None:
    count = sum(each.eta_count for each in answers)
    return round(sum(each.eta_ms for each in answers) / count / 1000, 3) if count else None


def _merged(one: TickChange, other: TickChange) -> TickChange:
    run_at_ms, run_id = max((one.run_at_ms, one.run_id), (other.run_at_ms, other.run_id))
    return TickChange(
        one.tick_ms,
        one.open_change + other.open_change,
        one.idle_change + other.idle_change,
        one.late_records + other.late_records,
        run_at_ms,
        run_id,
        one.offers_answered + other.offers_answered,
        one.offers_accepted + other.offers_accepted,
        one.eta_ms + other.eta_ms,
        one.eta_count + other.eta_count,
    )
