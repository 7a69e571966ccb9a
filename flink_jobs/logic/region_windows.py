"""What region windows need of one replayed trip; the windows themselves are SQL.

Malformed is what `contracts.validation` says, so that Bronze, DLQ and this job never disagree.
"""

from typing import Final

import msgspec

from contracts.domain import TAXI_TRIPS
from contracts.events import TaxiTrip
from contracts.rules import REGION_OUT_OF_ORDERNESS_MS
from contracts.validation import reject_reason

WATERMARK_DELAY_MS: Final = REGION_OUT_OF_ORDERNESS_MS + 1
"""One more than the allowance: a trip exactly at the limit still finds its window open."""

CONTROL: Final = "control"
"""Reason for passing over a heartbeat or an end: it moved the watermark, that is all it is for."""

_TRIP: Final = msgspec.json.Decoder(TaxiTrip)


def read_trip(value: bytes | None) -> TaxiTrip | str:
    """Return the trip, or the class of the reason for which the record is passed over."""
    reason = reject_reason(TAXI_TRIPS.name, value)
    if reason is not None:
        return reason.partition(":")[0]
    try:
        return _TRIP.decode(value or b"")
    except msgspec.ValidationError:
        # Well formed, and still no trip: a control record.
        return CONTROL
