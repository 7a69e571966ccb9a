"""Every reason that `reject_reason` can give, from the record that causes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.events import MAX_RECORD_BYTES
from contracts.validation import reject_reason

SAMPLES = Path(__file__).parents[2] / "contract" / "samples" / "v1"
GONE = object()


def sample(topic: str, position: int = 0) -> dict[str, Any]:
    records: list[dict[str, Any]] = json.loads((SAMPLES / f"{topic}.json").read_text())
    return records[position]


def changed(record: dict[str, Any], path: str, value: object) -> bytes:
    *parents, name = path.split(".")
    inner = record
    for parent in parents:
        inner = inner[parent]
    if value is GONE:
        del inner[name]
    else:
        inner[name] = value
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_value"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"null", "not_an_object"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"{}", "unknown_schema_version"),
        (b"\xff\xfe", "not_utf8"),
        (b'{"event_id": "\xe3"}', "not_utf8"),
        (b" " * (MAX_RECORD_BYTES + 1), "oversized"),
        (b"[" * 100_000, "not_json"),
        (b'{"number": 1e400}', "not_json"),
    ],
)
def test_what_is_no_event_at_all(value: bytes | None, reason: str) -> None:
    assert reject_reason("rideshare.trips", value) == reason


@pytest.mark.parametrize(
    ("topic", "path", "value", "reason"),
    [
        ("rideshare.trips", "schema_version", GONE, "unknown_schema_version"),
        ("rideshare.trips", "schema_version", 2, "unknown_schema_version"),
        ("rideshare.trips", "schema_version", "1", "unknown_schema_version"),
        ("rideshare.trips", "schema_version", True, "unknown_schema_version"),
        ("rideshare.trips", "schema_version", 1.0, "wrong_type:schema_version"),
        ("rideshare.trips", "event_time", GONE, "event_time_missing"),
        ("rideshare.trips", "event_time", None, "event_time_missing"),
        ("rideshare.trips", "event_time", 1_772_442_004_250, "event_time_invalid"),
        ("rideshare.trips", "event_time", "yesterday", "event_time_invalid"),
        ("rideshare.trips", "event_time", "yesterdaZ", "event_time_invalid"),
        ("rideshare.trips", "event_time", "2026-03-02T09:00:04.250", "event_time_invalid"),
        ("rideshare.trips", "event_time", "2026-03-02T09:00:04+00:00", "event_time_invalid"),
        ("rideshare.trips", "event_time", "2026-03-02 09:00:04Z", "event_time_invalid"),
        ("rideshare.trips", "event_time", "20260302T090004Z", "event_time_invalid"),
        ("rideshare.trips", "event_time", "2026-02-30T09:00:04Z", "event_time_invalid"),
        ("rideshare.trips", "event_time", "2026-03-02T09:00:04Z\n", "event_time_invalid"),
        ("rideshare.trips", "event_time", "2019-12-31T23:59:59.999Z", "event_time_out_of_range"),
        ("rideshare.trips", "event_time", "2040-01-01T00:00:00.000Z", "event_time_out_of_range"),
        ("rideshare.trips", "event_time", "2099-01-01T00:00:00Z", "event_time_out_of_range"),
        ("taxi.trips", "event_time", "2008-12-31T23:59:59Z", "event_time_out_of_range"),
        ("rideshare.trips", "event_type", "trip_moved", "unknown_event_type"),
        ("rideshare.trips", "event_type", "gps_ping", "unknown_event_type"),
        ("rideshare.trips", "event_type", GONE, "missing_field:event_type"),
        ("rideshare.trips", "event_type", 7, "wrong_type:event_type"),
        ("rideshare.trips", "trip_id", GONE, "missing_field:trip_id"),
        ("rideshare.trips", "pickup.lat", GONE, "missing_field:pickup.lat"),
        ("rideshare.trips", "trip_id", 5, "wrong_type:trip_id"),
        ("rideshare.trips", "trip_id", None, "wrong_type:trip_id"),
        ("rideshare.trips", "pickup", "here", "wrong_type:pickup"),
        ("rideshare.trips", "pickup.lat", "-23.5", "wrong_type:pickup.lat"),
        ("rideshare.trips", "offer_sequence", 1.5, "wrong_type:offer_sequence"),
        ("rideshare.trips", "fare_minor", True, "wrong_type:fare_minor"),
        ("rideshare.trips", "pickup.lat", -90.5, "out_of_range:pickup.lat"),
        ("rideshare.trips", "surge_multiplier", 0.9, "out_of_range:surge_multiplier"),
        ("rideshare.trips", "offer_sequence", 10**30, "out_of_range:offer_sequence"),
        ("rideshare.trips", "offer_sequence", 2**53, "out_of_range:offer_sequence"),
        ("rideshare.trips", "pickup.zone_id", -1, "out_of_range:pickup.zone_id"),
        ("rideshare.trips", "pickup.zone_id", 2**31, "out_of_range:pickup.zone_id"),
        ("rideshare.trips", "trip_id", "", "out_of_range:trip_id"),
        ("rideshare.trips", "trip_id", "x" * 201, "out_of_range:trip_id"),
        ("rideshare.trips", "state", "LOST", "invalid_value:state"),
        ("rideshare.trips", "currency", "brl", "invalid_value:currency"),
        ("rideshare.trips", "currency", "REAL", "out_of_range:currency"),
        ("rideshare.trips", "currency", "BRL\n", "out_of_range:currency"),
        ("rideshare.driver_profiles", "vehicle_class", "bike", "invalid_value:vehicle_class"),
        ("rideshare.ratings", "stars", 6, "out_of_range:stars"),
        ("rideshare.rider_profiles", "dna.cancel_ratio", 1.1, "out_of_range:dna.cancel_ratio"),
        ("taxi.trips", "duration_s", 0, "out_of_range:duration_s"),
        ("taxi.trips", "fare_minor", -1, "out_of_range:fare_minor"),
        ("taxi.trips", "flags", [1], "wrong_type:flags[0]"),
    ],
)
def test_an_event_with_one_fault(topic: str, path: str, value: object, reason: str) -> None:
    assert reject_reason(topic, changed(sample(topic), path, value)) == reason


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("event_time", "2026-03-02T09:00:04Z"),
        ("event_time", "2026-03-02T09:00:04.123456Z"),
        ("event_time", "2020-01-01T00:00:00.000Z"),
        ("event_time", "2039-12-31T23:59:59.999Z"),
        ("correlation_id", GONE),
        ("correlation_id", None),
        ("surge_multiplier", 2),
        ("offer_sequence", 2**53 - 1),
        ("pickup.zone_id", None),
        ("added_later", {"by": "a newer producer"}),
        ("rider_id", "joão"),
    ],
)
def test_what_is_allowed(path: str, value: object) -> None:
    assert reject_reason("rideshare.trips", changed(sample("rideshare.trips"), path, value)) is None


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("topic", ["rideshare.trips", "rideshare.gps_pings", "taxi.trips"])
def test_control_records_are_well_formed_on_every_topic(topic: str, position: int) -> None:
    record = sample("control_records", position)
    assert reject_reason(topic, json.dumps(record).encode()) is None


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("event_time", "2099-01-01T00:00:00Z", "event_time_out_of_range"),
        ("event_time", "soon", "event_time_invalid"),
        ("run_id", GONE, "missing_field:run_id"),
        ("event_id", 5, "wrong_type:event_id"),
    ],
)
def test_control_records_can_be_malformed(path: str, value: object, reason: str) -> None:
    value_bytes = changed(sample("control_records"), path, value)
    assert reject_reason("rideshare.trips", value_bytes) == reason


def test_the_first_fault_in_the_documented_order_is_the_answer() -> None:
    record = sample("rideshare.trips")
    record |= {"event_type": "nonsense", "event_time": "never", "schema_version": 9}
    assert reject_reason("rideshare.trips", json.dumps(record).encode()) == "unknown_schema_version"
    record |= {"schema_version": 1}
    assert reject_reason("rideshare.trips", json.dumps(record).encode()) == "event_time_invalid"


def test_an_unknown_topic_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no input topic 'rideshare.tripz': known are rideshare"):
        reject_reason("rideshare.tripz", b"{}")
