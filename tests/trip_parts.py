"""Parts of made-up taxi trips, and what each trip must become, computed apart from the job."""

import random
from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from contracts.events import TaxiTripEvent, TaxiTripPart
from contracts.live import AssembledTrip
from contracts.timestamps import epoch_ms, rfc3339

START_MS = epoch_ms("2019-01-15T08:00:00Z")
HOUR_MS = 3_600_000


def part(
    trip_id: str, kind: str, at_ms: int, number: int, event_id: str = "", run_id: str = "run"
) -> TaxiTripEvent:
    """Return a part whose values follow from `number`."""
    fields = {
        TaxiTripPart.STARTED: {"region_id": 1 + number % 265, "passenger_count": number % 5},
        TaxiTripPart.ENDED: {
            "dropoff_zone_id": number % 265,
            "distance_m": number * 1.5,
            "duration_s": 1.0 + number,
        },
        TaxiTripPart.PAID: {
            "fare_minor": number,
            "currency": "USD",
            "total_minor": number + 5,
            "tip_minor": 5,
            "payment_type": str(number % 3),
        },
    }[TaxiTripPart(kind)]
    values: dict[str, object] = {
        "event_id": event_id or f"{trip_id}/{kind}/{number}",
        "event_type": kind,
        "schema_version": 1,
        "event_time": rfc3339(at_ms),
        "run_id": run_id,
        "trip_id": trip_id,
        **fields,
    }
    return msgspec.convert(values, TaxiTripEvent)


def made_up(rng: random.Random, trips: int, prefix: str = "t") -> list[TaxiTripEvent]:
    """Return parts of trips: some parts never come, some are told twice in different words."""
    found = []
    for n in range(trips):
        at_ms = START_MS + rng.randrange(2 * HOUR_MS)
        for kind in TaxiTripPart:
            if rng.random() < 0.15:
                continue
            for number in rng.sample(range(1000), 2 if rng.random() < 0.1 else 1):
                found.append(part(f"{prefix}{n}", kind.value, at_ms, number))
            at_ms += rng.choice((0, 60_000, HOUR_MS, 6 * HOUR_MS))
    return found


def expected(events: Iterable[TaxiTripEvent]) -> dict[str, AssembledTrip]:
    """Return each trip as it must be in the end, its revision 0."""
    trips: dict[str, dict[str, TaxiTripEvent]] = {}
    for event in sorted(events, key=lambda e: (e.event_time, e.event_id)):
        trips.setdefault(event.trip_id, {}).setdefault(event.event_type, event)
    return {trip_id: _trip(trip_id, parts) for trip_id, parts in trips.items()}


def _trip(trip_id: str, parts: dict[str, TaxiTripEvent]) -> AssembledTrip:
    values: dict[str, object] = {"trip_id": trip_id, "run_id": "run", "revision": 0}
    missing = [kind.value for kind in TaxiTripPart if kind.value not in parts]
    values |= {"is_complete": not missing, "missing": ",".join(missing)}
    times = {"trip_started": "started_at_ms", "trip_ended": "ended_at_ms"}
    for kind, event in parts.items():
        values[times.get(kind, "paid_at_ms")] = epoch_ms(event.event_time)
        for name in TaxiTripEvent.__struct_fields__[8:]:
            value = getattr(event, name)
            if value is not UNSET and value is not None:
                values[name] = value
    return msgspec.convert(values, AssembledTrip)
