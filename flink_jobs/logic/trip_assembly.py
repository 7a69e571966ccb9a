"""One taxi trip out of its parts, in whatever order, number and delay they come. No I/O, no Flink.

What a trip is in the end is a function of the set of its parts: of two that speak of the same part
the earlier one counts, by event time and then by id. A trip is given out when its last part comes,
or with what is missing once `TRIP_TIMEOUT_MS` of event time have passed since its oldest part, and
again when what was missing comes.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET

from contracts.domain import TAXI_TRIP_EVENTS
from contracts.events import TaxiTripEvent, TaxiTripPart
from contracts.live import AssembledTrip
from contracts.rules import TRIP_MEMORY_MS, TRIP_TIMEOUT_MS
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason

CONTROL: Final = "control"
"""Reason for passing over a heartbeat or an end: it moved the watermark, that is all it is for."""
_NEEDED: Final = {
    TaxiTripPart.STARTED: ("region_id",),
    TaxiTripPart.ENDED: ("distance_m", "duration_s"),
    TaxiTripPart.PAID: ("fare_minor", "currency"),
}
_EVENT: Final = msgspec.json.Decoder(TaxiTripEvent)


class OpenTrip(msgspec.Struct, frozen=True):
    """What is known of one trip. The parts are those that count; the times are of all that came."""

    oldest_ms: int
    newest_ms: int
    parts: dict[str, TaxiTripEvent] = {}
    revision: int = 0
    """How often the trip was given out."""
    is_overdue: bool = False
    """Whether the time-out has passed."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that have not come."""
        return tuple(part.value for part in TaxiTripPart if part.value not in self.parts)


@dataclass(frozen=True, slots=True)
class Step:
    """What one part or timer did: new state (None clears it), a trip, the next timer (epoch ms)."""

    state: OpenTrip | None
    emit: AssembledTrip | None = None
    timer_ms: int | None = None


def read_part(value: bytes | None) -> TaxiTripEvent | str:
    """Return the part of a trip, or the class of the reason for which the record is passed over."""
    reason = reject_reason(TAXI_TRIP_EVENTS.name, value)
    if reason is not None:
        return reason.partition(":")[0]
    try:
        event = _EVENT.decode(value or b"")
    except msgspec.ValidationError:
        # Well formed, and still no part: a control record.
        return CONTROL
    needed = _NEEDED[TaxiTripPart(event.event_type)]
    is_whole = all(getattr(event, field) is not UNSET for field in needed)
    return event if is_whole else "missing_field"


def is_late(event_ms: int, high_ms: int) -> bool:
    """Return whether a part comes so late that its trip may have been forgotten.

    A trip is forgotten `TRIP_MEMORY_MS` after its newest part, by a watermark that lies behind the
    newest event of every partition; so a part that is not late always finds its trip.

    Args:
        event_ms: Event time of the part.
        high_ms: Newest event time of its partition so far.
    """
    return event_ms + TRIP_MEMORY_MS <= high_ms


def on_part(trip: OpenTrip | None, event: TaxiTripEvent) -> Step:
    """Take one part in."""
    at_ms = epoch_ms(event.event_time)
    known = trip or OpenTrip(at_ms, at_ms)
    oldest_ms = min(known.oldest_ms, at_ms)
    seen = msgspec.structs.replace(
        known, oldest_ms=oldest_ms, newest_ms=max(known.newest_ms, at_ms)
    )
    # An older part brings the time-out forward; the timer of before finds nothing left to do.
    is_earlier = trip is None or at_ms < trip.oldest_ms
    timer_ms = oldest_ms + TRIP_TIMEOUT_MS if is_earlier else None
    kept = seen.parts.get(event.event_type)
    if kept is not None and _rank(kept) <= _rank(event):
        return Step(seen, timer_ms=timer_ms)
    grown = msgspec.structs.replace(seen, parts={**seen.parts, event.event_type: event})
    if grown.missing and not grown.is_overdue:
        return Step(grown, timer_ms=timer_ms)
    return _given_out(event.trip_id, grown, timer_ms)


def on_timer(trip: OpenTrip | None, trip_id: str, now_ms: int) -> Step:
    """Give out what is overdue, forget what has had no news for `TRIP_MEMORY_MS`.

    Args:
        trip: What is known.
        trip_id: Its name.
        now_ms: Event time of the timer.
    """
    if trip is None:
        return Step(None)
    forget_ms = trip.newest_ms + TRIP_MEMORY_MS
    if not trip.is_overdue and now_ms >= trip.oldest_ms + TRIP_TIMEOUT_MS:
        overdue = msgspec.structs.replace(trip, is_overdue=True)
        if overdue.missing:
            return _given_out(trip_id, overdue, forget_ms)
        return Step(overdue, timer_ms=forget_ms)
    if now_ms >= forget_ms:
        return Step(None)
    return Step(trip, timer_ms=forget_ms if trip.is_overdue else None)


def assembled(trip_id: str, trip: OpenTrip) -> AssembledTrip:
    """Return a trip as it is known."""
    start = trip.parts.get(TaxiTripPart.STARTED)
    end = trip.parts.get(TaxiTripPart.ENDED)
    payment = trip.parts.get(TaxiTripPart.PAID)
    known = next(part for part in (start, end, payment) if part is not None)
    return AssembledTrip(
        trip_id=trip_id,
        run_id=known.run_id,
        revision=trip.revision,
        is_complete=not trip.missing,
        missing=",".join(trip.missing),
        region_id=_value(start, "region_id"),
        started_at_ms=_time_ms(start),
        ended_at_ms=_time_ms(end),
        paid_at_ms=_time_ms(payment),
        passenger_count=_value(start, "passenger_count"),
        dropoff_zone_id=_value(end, "dropoff_zone_id"),
        distance_m=_value(end, "distance_m"),
        duration_s=_value(end, "duration_s"),
        fare_minor=_value(payment, "fare_minor"),
        total_minor=_value(payment, "total_minor"),
        tip_minor=_value(payment, "tip_minor"),
        currency=_value(payment, "currency"),
        payment_type=_value(payment, "payment_type"),
    )


def _given_out(trip_id: str, trip: OpenTrip, timer_ms: int | None) -> Step:
    told = msgspec.structs.replace(trip, revision=trip.revision + 1)
    return Step(told, assembled(trip_id, told), timer_ms)


def _rank(event: TaxiTripEvent) -> tuple[int, str]:
    return epoch_ms(event.event_time), event.event_id


def _time_ms(event: TaxiTripEvent | None) -> int | None:
    return None if event is None else epoch_ms(event.event_time)


def _value(event: TaxiTripEvent | None, field: str) -> Any:
    value = None if event is None else getattr(event, field)
    return None if value is UNSET else value
