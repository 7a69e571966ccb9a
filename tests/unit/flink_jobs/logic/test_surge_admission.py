"""Which records surge reads, and from when on they count."""

import msgspec
import pytest

from contracts.domain import DRIVER_STATUS, PAYMENTS, TRIPS
from contracts.events import DriverStatus, TripState
from flink_jobs.logic.surge_admission import CONTROL, PassedOver, admit
from flink_jobs.logic.surge_deltas import WATERMARK_DELAY_MS, effective_ms, tick_of
from flink_jobs.logic.surge_drivers import StatusFact
from flink_jobs.logic.surge_trips import TripFact
from tests.surge_city import LIMIT_MS, START_MS, control, status_event, trip_event

TRIP = msgspec.json.encode(trip_event("t", TripState.REQUESTED, START_MS, 3))
STATUS = msgspec.json.encode(status_event("d", DriverStatus.AVAILABLE, START_MS, 3))


def test_a_trip_is_read() -> None:
    assert admit(TRIPS.name, TRIP, START_MS) == TripFact("t", True, 3, START_MS, START_MS, "run-1")


@pytest.mark.parametrize("state", TripState)
def test_a_trip_waits_until_it_is_matched_or_ends(state: TripState) -> None:
    fact = admit(TRIPS.name, msgspec.json.encode(trip_event("t", state, START_MS, 3)), START_MS)
    assert isinstance(fact, TripFact)
    assert fact.is_waiting == (state is TripState.REQUESTED or state.startswith("OFFER"))


@pytest.mark.parametrize("status", DriverStatus)
def test_only_available_drivers_are_idle(status: DriverStatus) -> None:
    value = msgspec.json.encode(status_event("d", status, START_MS, 3))
    fact = admit(DRIVER_STATUS.name, value, START_MS)
    assert isinstance(fact, StatusFact)
    assert fact.idle_zone_id == (3 if status is DriverStatus.AVAILABLE else None)


@pytest.mark.parametrize("topic", [TRIPS.name, DRIVER_STATUS.name])
@pytest.mark.parametrize("kind", ["stream_heartbeat", "stream_end"])
def test_control_records_are_passed_over(topic: str, kind: str) -> None:
    value = msgspec.json.encode(control(kind, START_MS))
    assert admit(topic, value, START_MS) == PassedOver(CONTROL)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_value"),
        (b"\xff\xfe", "not_utf8"),
        (b"{", "not_json"),
        (b"[]", "not_an_object"),
        (TRIP.replace(b'"schema_version":1', b'"schema_version":9'), "unknown_schema_version"),
        (TRIP.replace(b'"trip_id":"t"', b'"trip_id":7'), "wrong_type"),
        (TRIP.replace(b"2026-", b"2099-"), "event_time_out_of_range"),
        (TRIP.replace(b'"trip_id":"t",', b""), "missing_field"),
    ],
)
def test_malformed_records_are_passed_over_with_the_class_of_their_reason(
    value: bytes | None, reason: str
) -> None:
    assert admit(TRIPS.name, value, START_MS) == PassedOver(reason)


def test_another_topic_is_an_error() -> None:
    with pytest.raises(KeyError, match="payments"):
        admit(PAYMENTS.name, TRIP, START_MS)


def test_a_record_exactly_at_the_limit_is_on_time_and_one_behind_it_is_late() -> None:
    assert effective_ms(START_MS, START_MS + LIMIT_MS) == START_MS
    assert effective_ms(START_MS, START_MS + LIMIT_MS + 1) == START_MS + 1


def test_what_counts_lies_behind_the_watermark_of_its_partition() -> None:
    for behind_ms in range(0, 100_000, 500):
        high_ms = START_MS + behind_ms
        assert effective_ms(START_MS, high_ms) > high_ms - WATERMARK_DELAY_MS


def test_the_tick_of_an_instant_is_the_first_window_end_not_before_it() -> None:
    assert [tick_of(at) for at in (0, 1, 10_000, 10_001)] == [0, 10_000, 10_000, 20_000]
