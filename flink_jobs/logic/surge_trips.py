"""When one trip is an open request: from its request until it is matched or cancelled.

The state is an interval that only ever grows at its front or shrinks at its end. Each event gives a
new interval and the difference to the old one is emitted, so any order of the events ends in the
same sum, no count turns negative, and a repeat changes nothing.

What is lost when it is lost: a request whose end never comes is open for `RETENTION_MS`, then
forgotten; an event later than that opens the trip again for as long. The simulator ends every trip
within minutes.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from flink_jobs.logic.surge_deltas import Step, ZoneDelta

RETENTION_MS: Final = 6 * 3600 * 1000
"""Event time after which a trip is forgotten, open or not. Bounds the state."""


@dataclass(frozen=True, slots=True)
class TripFact:
    """One state change of a trip, as far as surge is concerned.

    Attributes:
        trip_id: The trip.
        is_waiting: Whether the trip has no driver yet in this state.
        zone_id: Pickup zone, None outside all zones.
        event_ms: When it happened.
        effective_ms: From when on it counts; later than `event_ms` for a late record.
        run_id: The run it belongs to.
        answered_offer: Number of the offer that this state change answers, None if it answers none.
        eta_ms: Time to the pickup that the offer promised, where it is known.
    """

    trip_id: str
    is_waiting: bool
    zone_id: int | None
    event_ms: int
    effective_ms: int
    run_id: str
    answered_offer: int | None = None
    eta_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened, and from when on it counts."""

    event_ms: int
    effective_ms: int


@dataclass(frozen=True, slots=True)
class OpenTrip:
    """What is known of one trip: oldest waiting event, oldest one that ends the wait.

    `answers` are the answers to its offers that were counted: twice the number of the offer, and
    one more if it was accepted.
    """

    zone_id: int | None
    run_id: str
    expires_ms: int
    opened: Moment | None = None
    closed: Moment | None = None
    answers: tuple[int, ...] = ()


def on_trip(state: OpenTrip | None, fact: TripFact) -> Step[OpenTrip, ZoneDelta]:
    """Return what one state change does to the counts of the trip's pickup zone."""
    before = state or OpenTrip(fact.zone_id, fact.run_id, fact.effective_ms + RETENTION_MS)
    if fact.is_waiting:
        is_news, moment = _earlier(before.opened, fact)
        after = replace(before, opened=moment)
    else:
        is_news, moment = _earlier(before.closed, fact)
        after = replace(before, closed=moment)
    changes = _difference(before, after, late_at_ms=_late_at(fact) if is_news else None)
    after, answered = _answer(after, fact)
    return Step(
        after,
        (*changes, *answered),
        timer_ms=after.expires_ms if state is None else None,
    )


def on_trip_timer(state: OpenTrip | None, timer_ms: int) -> Step[OpenTrip, ZoneDelta]:
    """Return what forgetting the trip does: a request that is still open is closed."""
    if state is None:
        return Step(None)
    if timer_ms < state.expires_ms:
        return Step(state)
    return Step(
        None, _difference(state, replace(state, closed=state.closed or Moment(timer_ms, timer_ms)))
    )


def _answer(trip: OpenTrip, fact: TripFact) -> tuple[OpenTrip, tuple[ZoneDelta, ...]]:
    """Return the trip with an answer to an offer counted, and the answer if it was not known."""
    if fact.answered_offer is None or trip.zone_id is None:
        return trip, ()
    is_accepted = not fact.is_waiting
    answer = 2 * fact.answered_offer + is_accepted
    if answer in trip.answers:
        return trip, ()
    eta_ms = fact.eta_ms if is_accepted else None
    delta = ZoneDelta(
        trip.zone_id,
        fact.effective_ms,
        trip.run_id,
        offers_answered=1,
        offers_accepted=int(is_accepted),
        eta_ms=eta_ms or 0,
        eta_count=int(eta_ms is not None),
    )
    return replace(trip, answers=(*trip.answers, answer)), (delta,)


def _earlier(known: Moment | None, fact: TripFact) -> tuple[bool, Moment]:
    """Return whether the fact is older than what is known, and the older by either clock."""
    if known is None:
        return True, Moment(fact.event_ms, fact.effective_ms)
    moment = Moment(min(known.event_ms, fact.event_ms), min(known.effective_ms, fact.effective_ms))
    return fact.event_ms < known.event_ms, moment


def _late_at(fact: TripFact) -> int | None:
    return fact.effective_ms if fact.effective_ms > fact.event_ms else None


def _difference(
    before: OpenTrip, after: OpenTrip, late_at_ms: int | None = None
) -> tuple[ZoneDelta, ...]:
    zone_id = after.zone_id
    if zone_id is None:
        return ()
    changes = _changes(after)
    changes.subtract(_changes(before))
    instants = changes.keys() if late_at_ms is None else changes.keys() | {late_at_ms}
    return tuple(
        ZoneDelta(
            zone_id,
            at_ms,
            after.run_id,
            open_change=changes[at_ms],
            late_records=int(at_ms == late_at_ms),
        )
        for at_ms in sorted(instants)
        if changes[at_ms] or at_ms == late_at_ms
    )


def _changes(trip: OpenTrip) -> Counter[int]:
    """Return the steps of the trip's presence: +1 where it opens, -1 where it closes."""
    opened, closed = trip.opened, trip.closed
    if opened is None:
        return Counter()
    if closed is None:
        return Counter({opened.effective_ms: 1})
    if closed.effective_ms <= opened.effective_ms:
        return Counter()
    return Counter({opened.effective_ms: 1, closed.effective_ms: -1})
