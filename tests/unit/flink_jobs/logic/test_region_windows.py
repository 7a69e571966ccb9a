"""Which replayed trips are read."""

import msgspec
import pytest

from contracts.events import TaxiTrip
from contracts.rules import REGION_OUT_OF_ORDERNESS_MS, REGION_WINDOW_MS
from flink_jobs.logic.region_windows import CONTROL, WATERMARK_DELAY_MS, read_trip
from tests.surge_city import START_MS, control

TRIP = TaxiTrip(
    event_id="e",
    event_type="taxi_trip",
    schema_version=1,
    event_time="2019-01-01T05:00:00.000Z",
    run_id="run-1",
    trip_id="t",
    region_id=161,
    duration_s=600.0,
    distance_m=1609.344,
    fare_minor=0,
    currency="USD",
)
VALUE = msgspec.json.encode(TRIP)


def test_a_trip_is_read() -> None:
    assert read_trip(VALUE) == TRIP


@pytest.mark.parametrize("kind", ["stream_heartbeat", "stream_end"])
def test_control_records_are_passed_over(kind: str) -> None:
    assert read_trip(msgspec.json.encode(control(kind, START_MS))) == CONTROL


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_value"),
        (b"trip", "not_json"),
        (VALUE.replace(b'"fare_minor":0', b'"fare_minor":-1'), "out_of_range"),
        (VALUE.replace(b'"duration_s":600.0', b'"duration_s":0'), "out_of_range"),
        (VALUE.replace(b'"duration_s":600.0', b'"duration_s":"600"'), "wrong_type"),
        (VALUE.replace(b"2019-", b"1999-"), "event_time_out_of_range"),
    ],
)
def test_rejected_trips_are_passed_over_with_the_class_of_their_reason(
    value: bytes | None, reason: str
) -> None:
    assert read_trip(value) == reason


def test_a_window_is_open_for_every_trip_that_is_not_late() -> None:
    """The last trip that is not late comes when its partition is just short of end + allowance."""
    end_ms = REGION_WINDOW_MS
    high_ms = end_ms + REGION_OUT_OF_ORDERNESS_MS - 1
    fires_at_watermark_ms = end_ms - 1
    assert high_ms - WATERMARK_DELAY_MS < fires_at_watermark_ms
