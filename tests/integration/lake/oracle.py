"""What Silver and Gold must hold, computed in plain Python by the contract's own judgement."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from contracts.anomalies import outlier_reason
from contracts.events import CONTROL_TYPES
from contracts.validation import reject_reason
from tests.integration.lake.records import Record

Row = dict[str, Any]
Judged = tuple[Record, int, str]
MILESTONES: Final = {
    "REQUESTED": "requested_at",
    "OFFER_SENT": "first_offer_at",
    "MATCHED": "matched_at",
    "DRIVER_EN_ROUTE": "driver_en_route_at",
    "DRIVER_ARRIVED": "driver_arrived_at",
    "STARTED": "started_at",
    "COMPLETED": "completed_at",
    "CANCELLED": "cancelled_at",
}
_WITH_DRIVER: Final = frozenset(MILESTONES) - {"REQUESTED", "OFFER_SENT", "CANCELLED"}


def instant(text: str) -> dt.datetime:
    """Return event time as Trino's client gives it."""
    return dt.datetime.fromisoformat(text)


def judge(rows: Iterable[tuple[Record, int]]) -> list[Judged]:
    """Return every Bronze row with `event`, `duplicate`, `control` or `malformed`."""
    judged: list[Judged] = []
    seen: set[tuple[str, str]] = set()
    for record, offset in sorted(rows, key=lambda row: (row[0].topic, row[0].partition, row[1])):
        if reject_reason(record.topic, record.value) is not None:
            judged.append((record, offset, "malformed"))
            continue
        event = json.loads(record.value or b"")
        identity = (record.topic, event["event_id"])
        if event["event_type"] in CONTROL_TYPES:
            judged.append((record, offset, "control"))
        elif identity in seen:
            judged.append((record, offset, "duplicate"))
        else:
            seen.add(identity)
            judged.append((record, offset, "event"))
    return judged


def staged(judged: Iterable[Judged], topic: str, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a staging model with these columns."""
    rows = []
    for record, offset, kind in judged:
        if kind == "event" and record.topic == topic:
            event = json.loads(record.value or b"")
            row = {name: _field(event, name) for name in columns}
            row |= {"_kafka_partition": record.partition, "_kafka_offset": offset}
            rows.append(row)
    return rows


def trips(events: Iterable[Row]) -> dict[str, Row]:
    """Return the facts of each trip from rows of stg_trips."""
    by_trip: dict[str, list[Row]] = defaultdict(list)
    for event in events:
        by_trip[event["trip_id"]].append(event)
    return {trip_id: _trip(found) for trip_id, found in by_trip.items()}


def _trip(events: list[Row]) -> Row:
    ordered = sorted(events, key=lambda event: (event["event_time"], event["_kafka_offset"]))
    newest = ordered[-1]
    facts: Row = dict.fromkeys(MILESTONES.values())
    for event in reversed(ordered):
        if event["state"] in MILESTONES:
            facts[MILESTONES[event["state"]]] = event["event_time"]
    drivers = [event["driver_id"] for event in ordered if event["state"] in _WITH_DRIVER]
    fares = [event["fare_minor"] for event in ordered if event["state"] == "COMPLETED"]
    return facts | {
        "state": newest["state"],
        "is_final": newest["state"] in ("COMPLETED", "CANCELLED"),
        "driver_id": drivers[-1] if drivers else None,
        "rider_id": newest["rider_id"],
        "pickup_zone_id": newest["pickup_zone_id"],
        "surge_multiplier": newest["surge_multiplier"],
        "fare_minor": fares[-1] if fares else None,
        "currency": newest["currency"],
        "cancel_reason": newest["cancel_reason"],
        "offer_count": sum(event["state"] == "OFFER_SENT" for event in ordered),
        "requested_hour": (facts["requested_at"] or ordered[0]["event_time"]).replace(
            minute=0, second=0, microsecond=0
        ),
    }


def demand(facts: Mapping[str, Row]) -> dict[tuple[Any, ...], Row]:
    """Return the hourly demand by zone, hour and currency from the facts of trips."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for trip in facts.values():
        groups[trip["pickup_zone_id"], trip["requested_hour"], trip["currency"]].append(trip)
    return {
        key: {
            "request_count": len(found),
            "completed_count": sum(trip["state"] == "COMPLETED" for trip in found),
            "cancelled_count": sum(trip["state"] == "CANCELLED" for trip in found),
            "open_count": sum(not trip["is_final"] for trip in found),
            "mean_surge_multiplier": sum(trip["surge_multiplier"] for trip in found) / len(found),
            "revenue_minor": sum(trip["fare_minor"] or 0 for trip in found),
        }
        for key, found in groups.items()
    }


def versions(profiles: Iterable[Row], entity: str, attribute: str) -> dict[str, list[Row]]:
    """Return the versions of each entity as one attribute tells them apart, from staged profiles.

    The profiles of the made-up run differ in that attribute alone, and no two share an instant.
    """
    found: dict[str, list[Row]] = defaultdict(list)
    for profile in sorted(profiles, key=lambda row: row["event_time"]):
        known = found[profile[f"{entity}_id"]]
        if known and known[-1][attribute] == profile[attribute]:
            continue
        if known:
            known[-1]["valid_to"] = profile["event_time"]
        known.append(
            {
                attribute: profile[attribute],
                "event_id": profile["event_id"],
                "valid_from": profile["event_time"],
                "valid_to": None,
            }
        )
    return dict(found)


def valid_at(versions_of_one: Iterable[Row], moment: dt.datetime | None) -> str | None:
    """Return the event that made the version valid at an instant, None where there is none."""
    for version in versions_of_one:
        ends = version["valid_to"]
        if moment and version["valid_from"] <= moment and (ends is None or moment < ends):
            event_id: str = version["event_id"]
            return event_id
    return None


def _field(event: Row, name: str) -> Any:
    if name == "is_in_area":
        return _is_in_area(event)
    if name.startswith("is_") and name.endswith("_in_area"):
        return _is_in_area(event[name.removeprefix("is_").removesuffix("_in_area")])
    for parent in ("pickup", "dropoff", "dna"):
        if name.startswith(f"{parent}_") and parent in event and name != "pickup_eta_s":
            return event[parent][name.removeprefix(f"{parent}_")]
    if name == "flags":
        return ",".join(event.get("flags", ()))
    value = event.get(name)
    return instant(str(value)) if name == "event_time" else value


def _is_in_area(place: Row) -> bool:
    return outlier_reason(place["lat"], place["lon"], 0.0) is None
