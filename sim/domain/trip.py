"""The life of a trip as one table: which signal leads from which state to which.

Nothing here knows time, drivers' processes or Kafka. `docs` shows the diagram that `diagram`
renders from the table.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from contracts.events import CancelledBy, CancelReason, Place, TripState
from sim.domain.errors import SimError


class TripSignal(StrEnum):
    """What can happen to a trip."""

    OFFER_MADE = "offer_made"
    OFFER_TIMED_OUT = "offer_timed_out"
    DRIVER_REJECTED = "driver_rejected"
    DRIVER_ACCEPTED = "driver_accepted"
    DRIVER_DEPARTED = "driver_departed"
    DRIVER_REACHED_PICKUP = "driver_reached_pickup"
    RIDER_BOARDED = "rider_boarded"
    RIDER_DROPPED_OFF = "rider_dropped_off"
    CALLED_OFF = "called_off"


TRANSITIONS: Final[Mapping[tuple[TripState, TripSignal], TripState]] = MappingProxyType(
    {
        (TripState.REQUESTED, TripSignal.OFFER_MADE): TripState.OFFER_SENT,
        (TripState.OFFER_EXPIRED, TripSignal.OFFER_MADE): TripState.OFFER_SENT,
        (TripState.OFFER_REJECTED, TripSignal.OFFER_MADE): TripState.OFFER_SENT,
        (TripState.OFFER_SENT, TripSignal.OFFER_TIMED_OUT): TripState.OFFER_EXPIRED,
        (TripState.OFFER_SENT, TripSignal.DRIVER_REJECTED): TripState.OFFER_REJECTED,
        (TripState.OFFER_SENT, TripSignal.DRIVER_ACCEPTED): TripState.MATCHED,
        (TripState.MATCHED, TripSignal.DRIVER_DEPARTED): TripState.DRIVER_EN_ROUTE,
        (TripState.DRIVER_EN_ROUTE, TripSignal.DRIVER_REACHED_PICKUP): TripState.DRIVER_ARRIVED,
        (TripState.DRIVER_ARRIVED, TripSignal.RIDER_BOARDED): TripState.STARTED,
        (TripState.STARTED, TripSignal.RIDER_DROPPED_OFF): TripState.COMPLETED,
        (TripState.REQUESTED, TripSignal.CALLED_OFF): TripState.CANCELLED,
        (TripState.OFFER_SENT, TripSignal.CALLED_OFF): TripState.CANCELLED,
        (TripState.OFFER_EXPIRED, TripSignal.CALLED_OFF): TripState.CANCELLED,
        (TripState.OFFER_REJECTED, TripSignal.CALLED_OFF): TripState.CANCELLED,
        (TripState.MATCHED, TripSignal.CALLED_OFF): TripState.CANCELLED,
        (TripState.DRIVER_EN_ROUTE, TripSignal.CALLED_OFF): TripState.CANCELLED,
        (TripState.DRIVER_ARRIVED, TripSignal.CALLED_OFF): TripState.CANCELLED,
    }
)
FINAL_STATES: Final = frozenset({TripState.COMPLETED, TripState.CANCELLED})


class IllegalTransition(SimError):  # noqa: N818 - the name the style guide gives it
    """A signal came in a state that does not know it."""

    def __init__(self, state: TripState, signal: TripSignal) -> None:
        self.state = state
        self.signal = signal
        allowed = ", ".join(sorted(allowed_signals(state))) or "none, it is final"
        super().__init__(f"a trip in state {state} cannot take {signal}; allowed: {allowed}")


def allowed_signals(state: TripState) -> tuple[TripSignal, ...]:
    """Return the signals that a state knows, in the order of the table."""
    return tuple(signal for known, signal in TRANSITIONS if known == state)


def next_state(state: TripState, signal: TripSignal) -> TripState:
    """Return the state after a signal.

    Raises:
        IllegalTransition: The table has no such pair.
    """
    try:
        return TRANSITIONS[state, signal]
    except KeyError:
        raise IllegalTransition(state, signal) from None


class Trip(msgspec.Struct, frozen=True):
    """One request and what became of it.

    `driver_id` is the driver of the current offer or of the match. A struct, because a trip is
    replaced ten times in its life and structs are replaced four times faster than dataclasses.
    """

    trip_id: str
    rider_id: str
    pickup: Place
    dropoff: Place
    surge_multiplier: float
    state: TripState = TripState.REQUESTED
    previous_state: TripState | None = None
    driver_id: str | None = None
    offer_sequence: int = 0
    pickup_eta_s: float | None = None
    fare_minor: int | None = None
    distance_m: float | None = None
    duration_s: float | None = None
    cancelled_by: CancelledBy | None = None
    cancel_reason: CancelReason | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the trip any more."""
        return self.state in FINAL_STATES
