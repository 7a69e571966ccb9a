"""From the bytes of one record to what surge wants to know of it, or why it passes the record over.

Malformed is what `contracts.validation` says, so that Bronze, DLQ and this job never disagree.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from contracts.domain import DRIVER_STATUS, TRIPS
from contracts.events import (
    UNMATCHED_STATES,
    DriverStatus,
    DriverStatusEvent,
    TripEvent,
    TripState,
)
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from flink_jobs.logic.surge_deltas import WATERMARK_DELAY_MS, effective_ms
from flink_jobs.logic.surge_drivers import StatusFact
from flink_jobs.logic.surge_trips import TripFact

CONTROL: Final = "control"
"""Reason for passing over a heartbeat or an end: it moved the watermark, that is all it is for."""

_ANSWERS: Final = frozenset({TripState.MATCHED, TripState.OFFER_REJECTED, TripState.OFFER_EXPIRED})
"""States that a trip enters when an offer ends."""
_TRIP: Final = msgspec.json.Decoder(TripEvent)
_STATUS: Final = msgspec.json.Decoder(DriverStatusEvent)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A record that changes nothing, and the class of the reason (without the field it names)."""

    reason: str


def admit(topic: str, value: bytes | None, high_ms: int) -> TripFact | StatusFact | PassedOver:
    """Return what one record says about a trip or a driver.

    Args:
        topic: The trips or the driver status topic.
        value: The bytes of the record.
        high_ms: Newest event time of its partition up to and including this record.

    Raises:
        KeyError: The topic is another one.
    """
    if topic not in (TRIPS.name, DRIVER_STATUS.name):
        raise KeyError(f"surge does not read {topic!r}")
    reason = reject_reason(topic, value)
    if reason is not None:
        return PassedOver(reason.partition(":")[0])
    try:
        return _trip(value, high_ms) if topic == TRIPS.name else _status(value, high_ms)
    except msgspec.ValidationError:
        # Well formed, and still no event of this topic: a control record.
        return PassedOver(CONTROL)


def _trip(value: bytes | None, high_ms: int) -> TripFact:
    event = _TRIP.decode(value or b"")
    event_ms = epoch_ms(event.event_time)
    return TripFact(
        trip_id=event.trip_id,
        is_waiting=event.state in UNMATCHED_STATES,
        zone_id=event.pickup.zone_id,
        event_ms=event_ms,
        effective_ms=effective_ms(event_ms, high_ms),
        run_id=event.run_id,
        answered_offer=event.offer_sequence if event.state in _ANSWERS else None,
        eta_ms=None if event.pickup_eta_s is None else round(event.pickup_eta_s * 1000),
    )


def _status(value: bytes | None, high_ms: int) -> StatusFact:
    event = _STATUS.decode(value or b"")
    event_ms = epoch_ms(event.event_time)
    return StatusFact(
        driver_id=event.driver_id,
        event_id=event.event_id,
        idle_zone_id=event.zone_id if event.status is DriverStatus.AVAILABLE else None,
        event_ms=event_ms,
        effective_ms=effective_ms(event_ms, high_ms),
        settled_ms=high_ms - WATERMARK_DELAY_MS,
        run_id=event.run_id,
    )
