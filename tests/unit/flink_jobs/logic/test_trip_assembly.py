"""When a trip is given out, with what, and when it is forgotten."""

import msgspec
import pytest

from contracts.events import TaxiTripPart
from contracts.rules import TRIP_MEMORY_MS, TRIP_TIMEOUT_MS
from flink_jobs.logic.trip_assembly import (
    CONTROL,
    OpenTrip,
    is_late,
    on_part,
    on_timer,
    read_part,
)
from tests.trip_parts import START_MS, part

STARTED, ENDED, PAID = (kind.value for kind in TaxiTripPart)


def open_trip(*kinds: str) -> OpenTrip:
    trip: OpenTrip | None = None
    for number, kind in enumerate(kinds):
        trip = on_part(trip, part("t", kind, START_MS + number * 1000, number)).state
    assert trip is not None
    return trip


def test_the_last_part_gives_the_trip_out() -> None:
    trip = open_trip(PAID, ENDED)
    assert trip.revision == 0
    step = on_part(trip, part("t", STARTED, START_MS - 1000, 7))
    assert step.emit is not None
    assert (step.emit.is_complete, step.emit.missing, step.emit.revision) == (True, "", 1)
    assert (step.emit.region_id, step.emit.fare_minor, step.emit.duration_s) == (8, 0, 2.0)
    assert (step.emit.started_at_ms, step.emit.ended_at_ms) == (START_MS - 1000, START_MS + 1000)
    # It began earlier than was known, so its time-out comes earlier.
    assert step.timer_ms == START_MS - 1000 + TRIP_TIMEOUT_MS


def test_a_repeat_changes_nothing() -> None:
    trip = open_trip(STARTED, ENDED, PAID)
    for number, kind in enumerate((STARTED, ENDED, PAID)):
        step = on_part(trip, part("t", kind, START_MS + number * 1000, number))
        assert (step.state, step.emit, step.timer_ms) == (trip, None, None)


def test_of_two_tellings_the_earlier_counts() -> None:
    trip = open_trip(STARTED, ENDED, PAID)
    later = on_part(trip, part("t", PAID, START_MS + 9000, 99))
    assert later.emit is None
    earlier = on_part(trip, part("t", PAID, START_MS + 500, 99))
    assert earlier.emit is not None
    assert (earlier.emit.fare_minor, earlier.emit.revision) == (99, 2)
    same_time = on_part(trip, part("t", PAID, START_MS + 2000, 98, event_id="!"))
    assert same_time.emit is not None
    assert same_time.emit.fare_minor == 98


def test_after_the_time_out_a_trip_is_given_out_with_what_is_missing_and_completed_later() -> None:
    trip = open_trip(STARTED)
    early = on_timer(trip, "t", START_MS + TRIP_TIMEOUT_MS - 1)
    assert (early.state, early.emit) == (trip, None)
    step = on_timer(trip, "t", START_MS + TRIP_TIMEOUT_MS)
    assert step.emit is not None
    assert step.state is not None
    assert (step.emit.is_complete, step.emit.missing) == (False, "trip_ended,payment_processed")
    assert (step.emit.region_id, step.emit.fare_minor, step.emit.ended_at_ms) == (1, None, None)
    assert step.timer_ms == START_MS + TRIP_MEMORY_MS
    paid = on_part(step.state, part("t", PAID, START_MS + 5000, 5))
    assert paid.emit is not None
    assert (paid.emit.missing, paid.emit.revision) == ("trip_ended", 2)
    ended = on_part(paid.state, part("t", ENDED, START_MS + 4000, 4))
    assert ended.emit is not None
    assert (ended.emit.is_complete, ended.emit.revision) == (True, 3)


def test_a_complete_trip_is_silent_at_its_time_out_and_forgotten_in_the_end() -> None:
    trip = open_trip(STARTED, ENDED, PAID)
    step = on_timer(trip, "t", START_MS + TRIP_TIMEOUT_MS)
    assert step.emit is None
    forget_ms = START_MS + 2000 + TRIP_MEMORY_MS
    assert step.timer_ms == forget_ms
    again = on_timer(step.state, "t", forget_ms - 1)
    assert (again.state, again.timer_ms) == (step.state, forget_ms)
    assert on_timer(step.state, "t", forget_ms).state is None
    assert on_timer(None, "t", forget_ms).state is None


def test_what_is_late_could_have_been_forgotten() -> None:
    assert is_late(START_MS, START_MS + TRIP_MEMORY_MS)
    assert not is_late(START_MS, START_MS + TRIP_MEMORY_MS - 1)


@pytest.mark.parametrize(
    ("kind", "absent"),
    [
        (STARTED, "region_id"),
        (ENDED, "distance_m"),
        (ENDED, "duration_s"),
        (PAID, "fare_minor"),
        (PAID, "currency"),
    ],
)
def test_a_part_without_its_own_fields_is_passed_over(kind: str, absent: str) -> None:
    event = part("t", kind, START_MS, 1)
    assert read_part(msgspec.json.encode(event)) == event
    fields = msgspec.to_builtins(event)
    del fields[absent]
    assert read_part(msgspec.json.encode(fields)) == "missing_field"
    assert read_part(msgspec.json.encode({**fields, absent: None})) == "wrong_type"


def test_control_records_and_broken_ones_are_passed_over() -> None:
    control = {
        "event_id": "c",
        "event_type": "stream_end",
        "schema_version": 1,
        "event_time": "2019-01-15T08:00:00.000Z",
        "run_id": "r",
    }
    assert read_part(msgspec.json.encode(control)) == CONTROL
    assert read_part(b"{") == "not_json"
    assert read_part(None) == "null_value"
