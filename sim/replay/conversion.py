"""One row of a file to one record of `taxi.trips`. Pure: no file, no broker, no clock.

What cannot be read stays in the record as the text it was, so that validation, not replay, decides:
a record is published whatever is wrong with it, and `contracts.validation.reject_reason` says what.
"""

import re
import uuid
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from contracts.domain import DOMAINS, TAXI_TRIPS
from contracts.events import SCHEMA_VERSION, ControlRecord, ControlType
from contracts.timestamps import rfc3339
from contracts.validation import reject_reason
from sim.replay.formats import FIELDS, Format
from sim.replay.local_time import LocalClock

LONG_TRIP_MS: Final = 4 * 3600 * 1000
FLAG_ZERO_DISTANCE: Final = "zero_distance"
FLAG_LONG: Final = "over_4_hours"
FLAG_UNKNOWN_ZONE: Final = "unknown_zone"
MINOR_PER_UNIT: Final = 100
"""Every currency of the formats so far has two decimals."""

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_LONGEST_NUMBER: Final = 40
_LARGEST: Final = Decimal(10) ** 15
_AT: Final = {name: place for place, name in enumerate(FIELDS)}
_CACHE: Final = 1 << 16

Cells = tuple[str | None, ...]
"""The text of every field of `formats.FIELDS`, None where the file has none."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it is published; `event_time_ms` is None where the row is rejected."""

    row_number: int
    event_id: uuid.UUID
    key: bytes
    value: bytes
    event_time_ms: int | None
    reason: str | None


def _decimal(text: str) -> Decimal | None:
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if abs(number) < _LARGEST else None


@lru_cache(_CACHE)
def minor_units(text: str | None) -> int | str | None:
    """Return money in minor units (half up); the text where it is no number."""
    if text is None:
        return None
    number = _decimal(text)
    if number is None:
        return text
    return int((number * MINOR_PER_UNIT).quantize(Decimal(1), ROUND_HALF_UP))


@lru_cache(_CACHE)
def whole_number(text: str | None) -> int | str | None:
    """Return an integer (`2`, also written `2.0`); the text where it is none."""
    if text is None:
        return None
    number = _decimal(text)
    return text if number is None or number != number.to_integral_value() else int(number)


@lru_cache(_CACHE)
def metres(text: str | None, metres_per_unit: str) -> float | str | None:
    """Return a length in metres, exact up to the last rounding; the text where it is no number."""
    if text is None:
        return None
    number = _decimal(text)
    return text if number is None else float(number * Decimal(metres_per_unit))


@lru_cache(_CACHE)
def _label(text: str | None) -> str | None:
    number = whole_number(text)
    return None if number is None else str(number)


class Converter:
    """Turns the rows of one file into the records of one run."""

    def __init__(self, format_: Format, run_id: str, file_sha256: str) -> None:
        self._format = format_
        self._run_id = run_id
        self._namespace = uuid.uuid5(uuid.NAMESPACE_OID, f"{run_id}/{file_sha256}")
        self._trip_prefix = file_sha256[:12]
        self._clock = LocalClock(format_.time_zone)
        self._encode = msgspec.json.Encoder().encode
        self._domain = DOMAINS[TAXI_TRIPS.domain]

    def convert(self, row_number: int, started_ms: int | None, cells: Cells) -> Record:
        """Return the record of a row.

        Args:
            row_number: 1 is the first data row; with run and file it makes the event id.
            started_ms: The start as epoch milliseconds, None where its text is no time.
            cells: Text of every field.
        """
        cells = tuple(None if cell is None else (cell.strip() or None) for cell in cells)
        event_id = uuid.uuid5(self._namespace, str(row_number))
        trip_id = f"{self._trip_prefix}-{row_number}"
        region = whole_number(cells[_AT["region"]])
        dropoff = whole_number(cells[_AT["dropoff_zone"]])
        distance_m = metres(cells[_AT["distance"]], self._format.metres_per_unit)
        duration_ms = self._duration_ms(started_ms, cells)
        fields: dict[str, Any] = {
            "event_id": str(event_id),
            "event_type": "taxi_trip",
            "schema_version": SCHEMA_VERSION,
            "event_time": self._event_time(started_ms, cells),
            "run_id": self._run_id,
            "correlation_id": trip_id,
            "trip_id": trip_id,
            "region_id": region,
            "duration_s": duration_ms / 1000 if isinstance(duration_ms, int) else duration_ms,
            "distance_m": distance_m,
            "fare_minor": minor_units(cells[_AT["fare"]]),
            "currency": self._format.currency,
            "total_minor": minor_units(cells[_AT["total"]]),
            "tip_minor": minor_units(cells[_AT["tip"]]),
            "payment_type": _label(cells[_AT["payment_type"]]),
            "pickup_zone_id": region,
            "dropoff_zone_id": dropoff,
            "passenger_count": whole_number(cells[_AT["passenger_count"]]),
            "flags": self._flags(distance_m, duration_ms, region, dropoff),
        }
        value = self._encode(fields)
        reason = reject_reason(TAXI_TRIPS.name, value)
        key = trip_id if region is None else str(region)
        return Record(
            row_number=row_number,
            event_id=event_id,
            key=key.encode(),
            value=value,
            event_time_ms=None if reason is not None else started_ms,
            reason=reason,
        )

    def control(
        self, event_type: ControlType, sequence: int, event_time_ms: int
    ) -> tuple[uuid.UUID, bytes]:
        """Return the id and the bytes of a control record; `sequence` counts those of the run."""
        event_id = uuid.uuid5(self._namespace, f"control/{sequence}")
        record = ControlRecord(
            event_id=str(event_id),
            event_type=event_type,
            schema_version=SCHEMA_VERSION,
            event_time=rfc3339(event_time_ms),
            run_id=self._run_id,
        )
        return event_id, self._encode(record)

    def usable_ms(self) -> tuple[int, int]:
        """Return the earliest and latest event time that is accepted, both inclusive."""
        return self._domain.earliest_ms, self._domain.latest_ms

    def _event_time(self, started_ms: int | None, cells: Cells) -> str | None:
        text = cells[_AT["started_at"]]
        if started_ms is None:
            return text
        try:
            return rfc3339(started_ms)
        except OverflowError:
            return text

    def _duration_ms(self, started_ms: int | None, cells: Cells) -> int | str | None:
        """Return the duration, or the text that keeps it from being known, or None."""
        given = cells[_AT["duration_s"]]
        if given is not None:
            number = _decimal(given)
            return given if number is None else int(number * 1000)
        ended_at = cells[_AT["ended_at"]]
        if ended_at is None or started_ms is None:
            return ended_at
        ended_ms = self._clock.epoch_ms(ended_at)
        return ended_at if ended_ms is None else ended_ms - started_ms

    def _flags(
        self,
        distance_m: float | str | None,
        duration_ms: int | str | None,
        region: int | str | None,
        dropoff: int | str | None,
    ) -> list[str]:
        flags = []
        if distance_m == 0:
            flags.append(FLAG_ZERO_DISTANCE)
        if isinstance(duration_ms, int) and duration_ms > LONG_TRIP_MS:
            flags.append(FLAG_LONG)
        if region in self._format.flagged_zones or dropoff in self._format.flagged_zones:
            flags.append(FLAG_UNKNOWN_ZONE)
        return flags
