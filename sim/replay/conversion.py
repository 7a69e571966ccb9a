"""One row of a file to its record of `taxi.trips`, or to the parts of a trip of `taxi.trip_events`.

Pure: no file, no broker, no clock.

What cannot be read stays in the record as the text it was, so that validation, not replay, decides:
a record is published whatever is wrong with it, and `contracts.validation.reject_reason` says what.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from contracts.domain import TAXI_TRIP_EVENTS, TAXI_TRIPS
from contracts.events import SCHEMA_VERSION, TaxiTripPart
from contracts.timestamps import rfc3339
from contracts.validation import reject_reason
from sim.replay.formats import FIELDS, Format
from sim.replay.local_time import LocalClock
from sim.replay.record import Identity, Record

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


@dataclass(frozen=True, slots=True)
class _Row:
    """What the cells of one row say; text is what could not be read."""

    number: int
    cells: Cells
    trip_id: str | None
    started_ms: int | None
    ended_ms: int | None
    region: int | str | None
    dropoff: int | str | None
    distance_m: float | str | None
    duration_ms: int | str | None

    def text(self, field: str) -> str | None:
        """Return a cell."""
        return self.cells[_AT[field]]

    @property
    def duration_s(self) -> float | str | None:
        """Duration in seconds, or the text that keeps it from being known."""
        given = self.duration_ms
        return given / 1000 if isinstance(given, int) else given


class Converter:
    """Turns the rows of one file into the records of one run."""

    def __init__(self, format_: Format, run_id: str, file_sha256: str) -> None:
        self._format = format_
        self._run_id = run_id
        self.identity = Identity(run_id, file_sha256)
        self._trip_prefix = file_sha256[:12]
        self._clock = LocalClock(format_.time_zone)
        self._encode = msgspec.json.Encoder().encode

    def convert(self, row_number: int, started_ms: int | None, cells: Cells) -> Record:
        """Return the record of `taxi.trips` of a row.

        Args:
            row_number: 1 is the first data row; with run and file it makes the event id.
            started_ms: The start as epoch milliseconds, None where its text is no time.
            cells: Text of every field.
        """
        row = self._read(row_number, started_ms, cells)
        fields: dict[str, Any] = {
            "region_id": row.region,
            "duration_s": row.duration_s,
            "distance_m": row.distance_m,
            "fare_minor": minor_units(row.text("fare")),
            "currency": self._format.currency,
            "total_minor": minor_units(row.text("total")),
            "tip_minor": minor_units(row.text("tip")),
            "payment_type": _label(row.text("payment_type")),
            "pickup_zone_id": row.region,
            "dropoff_zone_id": row.dropoff,
            "passenger_count": whole_number(row.text("passenger_count")),
            "flags": self._flags(row),
        }
        key = row.trip_id if row.region is None else str(row.region)
        started_at = _moment(started_ms, row.text("started_at"))
        return self._record(
            TAXI_TRIPS.name, row, "taxi_trip", "", key, (started_at, started_ms), fields
        )

    def parts(self, row_number: int, started_ms: int | None, cells: Cells) -> tuple[Record, ...]:
        """Return the records of `taxi.trip_events` of a row: its start, its end, its payment.

        An end that is not known is told at the time of the start, so that the reason names what is
        wrong with it; the payment is told at the end.
        """
        row = self._read(row_number, started_ms, cells)
        start = _moment(started_ms, row.text("started_at")), started_ms
        end: tuple[str | None, int | None]
        if row.ended_ms is not None:
            end = _moment(row.ended_ms, None), row.ended_ms
        elif row.text("ended_at") is not None:
            end = row.text("ended_at"), None
        else:
            end = start
        parts: tuple[tuple[TaxiTripPart, tuple[str | None, int | None], dict[str, Any]], ...] = (
            (
                TaxiTripPart.STARTED,
                start,
                {
                    "region_id": row.region,
                    "passenger_count": whole_number(row.text("passenger_count")),
                },
            ),
            (
                TaxiTripPart.ENDED,
                end,
                {
                    "dropoff_zone_id": row.dropoff,
                    "distance_m": row.distance_m,
                    "duration_s": row.duration_s,
                },
            ),
            (
                TaxiTripPart.PAID,
                end,
                {
                    "fare_minor": minor_units(row.text("fare")),
                    "currency": self._format.currency,
                    "total_minor": minor_units(row.text("total")),
                    "tip_minor": minor_units(row.text("tip")),
                    "payment_type": _label(row.text("payment_type")),
                },
            ),
        )
        return tuple(
            self._record(
                TAXI_TRIP_EVENTS.name, row, str(part), f"/{part}", row.trip_id, moment, fields
            )
            for part, moment, fields in parts
        )

    def _read(self, row_number: int, started_ms: int | None, cells: Cells) -> _Row:
        cells = tuple(None if cell is None else (cell.strip() or None) for cell in cells)
        duration_ms, ended_ms = self._duration_ms(started_ms, cells)
        trip_id: str | None = f"{self._trip_prefix}-{row_number}"
        return _Row(
            number=row_number,
            cells=cells,
            trip_id=cells[_AT["trip_id"]] if self._format.columns.trip_id else trip_id,
            started_ms=started_ms,
            ended_ms=ended_ms,
            region=whole_number(cells[_AT["region"]]),
            dropoff=whole_number(cells[_AT["dropoff_zone"]]),
            distance_m=metres(cells[_AT["distance"]], self._format.metres_per_unit),
            duration_ms=duration_ms,
        )

    def _record(
        self,
        topic: str,
        row: _Row,
        event_type: str,
        part: str,
        key: str | None,
        moment: tuple[str | None, int | None],
        fields: dict[str, Any],
    ) -> Record:
        event_id = self.identity.named(f"{row.number}{part}")
        envelope: dict[str, Any] = {
            "event_id": str(event_id),
            "event_type": event_type,
            "schema_version": SCHEMA_VERSION,
            "event_time": moment[0],
            "run_id": self._run_id,
            "correlation_id": row.trip_id,
            "trip_id": row.trip_id,
        }
        value = self._encode({**envelope, **fields})
        reason = reject_reason(topic, value)
        return Record(
            row_number=row.number,
            event_id=event_id,
            key=(key or f"{self._trip_prefix}-{row.number}").encode(),
            value=value,
            event_time_ms=None if reason is not None else moment[1],
            reason=reason,
            is_first_of_row=part in ("", f"/{TaxiTripPart.STARTED}"),
        )

    def _duration_ms(
        self, started_ms: int | None, cells: Cells
    ) -> tuple[int | str | None, int | None]:
        """Return the duration, or the text that keeps it from being known; and the end."""
        given = cells[_AT["duration_s"]]
        if given is not None:
            number = _decimal(given)
            if number is None:
                return given, None
            duration_ms = int(number * 1000)
            return duration_ms, None if started_ms is None else started_ms + duration_ms
        ended_at = cells[_AT["ended_at"]]
        ended_ms = None if ended_at is None else self._clock.epoch_ms(ended_at)
        if ended_ms is None or started_ms is None:
            return ended_at, ended_ms
        return ended_ms - started_ms, ended_ms

    def _flags(self, row: _Row) -> list[str]:
        flags = []
        if row.distance_m == 0:
            flags.append(FLAG_ZERO_DISTANCE)
        if isinstance(row.duration_ms, int) and row.duration_ms > LONG_TRIP_MS:
            flags.append(FLAG_LONG)
        if row.region in self._format.flagged_zones or row.dropoff in self._format.flagged_zones:
            flags.append(FLAG_UNKNOWN_ZONE)
        return flags


def _moment(moment_ms: int | None, text: str | None) -> str | None:
    """Return a time as the wire has it; the text where it is none."""
    if moment_ms is None:
        return text
    try:
        return rfc3339(moment_ms)
    except OverflowError:
        return text
