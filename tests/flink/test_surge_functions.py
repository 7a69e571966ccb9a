"""The surge functions with a hand-moved clock: state and timers are moved as the rules say."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from pyflink.common import Instant, Row

from contracts import metrics
from contracts.domain import TRIPS
from contracts.events import DriverStatus, TripState
from contracts.live import ZoneMetrics
from flink_jobs.functions import surge_rows
from flink_jobs.functions.surge import LATE_TAG, Admission, Presence, ZoneClock
from flink_jobs.logic.surge_admission import admit
from flink_jobs.logic.surge_deltas import ZoneDelta
from flink_jobs.logic.surge_zones import END_OF_INPUT_MS
from tests.surge_city import START_MS, control, status_event, trip_event

HOUR_MS = 3_600_000


class Counter:
    """A counter of Flink."""

    def __init__(self) -> None:
        self.count = 0

    def inc(self, number: int = 1) -> None:
        self.count += number


class Metrics:
    """A metric group of Flink, flat: names are joined with dots."""

    def __init__(self, counters: dict[str, Counter], path: str = "") -> None:
        self.counters, self._path = counters, path

    def counter(self, name: str) -> Counter:
        return self.counters.setdefault(f"{self._path}{name}", Counter())

    def add_group(self, name: str, value: str) -> "Metrics":
        return Metrics(self.counters, f"{self._path}{name}={value}.")


class State:
    """A value state of the key that is current."""

    def __init__(self, values: dict[Any, bytes], key: list[Any]) -> None:
        self._values, self._key = values, key

    def value(self) -> bytes | None:
        return self._values.get(self._key[0])

    def update(self, value: bytes) -> None:
        assert isinstance(value, bytes)
        self._values[self._key[0]] = value

    def clear(self) -> None:
        self._values.pop(self._key[0], None)


class Harness:
    """Runs one function as Flink does: keyed state, event-time timers, a watermark."""

    def __init__(self, function: Any) -> None:
        self.counters: dict[str, Counter] = {}
        self.states: dict[Any, bytes] = {}
        self.timers: set[tuple[int, Any]] = set()
        self.watermark_ms = -(2**63)
        self._key: list[Any] = [None]
        self.function = function
        function.open(self)

    def get_metrics_group(self) -> Metrics:
        return Metrics(self.counters)

    def get_state(self, descriptor: Any) -> State:
        return State(self.states, self._key)

    def timer_service(self) -> "Harness":
        return self

    def current_watermark(self) -> int:
        return self.watermark_ms

    def register_event_time_timer(self, timer_ms: int) -> None:
        self.timers.add((timer_ms, self._key[0]))

    def get_current_key(self) -> Any:
        return self._key[0]

    def send(self, row: Row, key: Any = None) -> list[Any]:
        self._key[0] = key
        return list(self.function.process_element(row, self))

    def advance(self, watermark_ms: int) -> list[Any]:
        self.watermark_ms = watermark_ms
        return list(self._fire())

    def _fire(self) -> Iterator[Any]:
        # As in Flink: what is registered while a watermark passes fires with the next one.
        due = sorted(timer for timer in self.timers if timer[0] <= self.watermark_ms)
        self.timers -= set(due)
        for timer_ms, key in due:
            self._key[0] = key
            yield from self.function.on_timer(timer_ms, self)


def record(value: bytes | None, high_ms: int, topic: str = TRIPS.name) -> Row:
    seconds, millis = divmod(high_ms, 1000)
    return Row(value, b"key", topic, 3, 99, None, Instant(seconds, millis * 1_000_000))


def request(at_ms: int) -> bytes:
    return msgspec.json.encode(trip_event("t", TripState.REQUESTED, at_ms, 7))


def fact(topic: str, event: Any) -> Row:
    read = admit(topic, msgspec.json.encode(event), 0)
    return surge_rows.fact_row(read)  # type: ignore[arg-type]


def test_admission_gives_out_facts() -> None:
    harness = Harness(Admission())
    [row] = harness.send(record(request(START_MS), START_MS))
    assert surge_rows.fact_of(row) == admit(TRIPS.name, request(START_MS), START_MS)
    assert harness.counters[metrics.JOB_EVENTS.name].count == 1


def test_admission_sends_late_records_to_the_side_as_they_were() -> None:
    harness = Harness(Admission())
    late, row = harness.send(record(request(START_MS), START_MS + 60_000))
    assert late == (LATE_TAG, Row(b"key", request(START_MS), TRIPS.name, 3, 99))
    assert surge_rows.fact_of(row).effective_ms == START_MS + 45_000
    assert harness.counters[metrics.JOB_LATE.name].count == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "not_json"),
        (None, "null_value"),
        (msgspec.json.encode(control("stream_end", START_MS)), "control"),
    ],
)
def test_admission_counts_what_it_passes_over(value: bytes | None, reason: str) -> None:
    harness = Harness(Admission())
    for _ in range(2):
        assert harness.send(record(value, START_MS)) == []
    assert harness.counters[f"reason={reason}.{metrics.JOB_PASSED_OVER.name}"].count == 2


def test_presence_keeps_trips_and_drivers_of_one_name_apart() -> None:
    harness = Harness(Presence())
    trip = fact(TRIPS.name, trip_event("same", TripState.REQUESTED, START_MS, 7))
    driver = fact(
        "rideshare.driver_status", status_event("same", DriverStatus.AVAILABLE, START_MS, 8)
    )
    assert surge_rows.entity_key(trip) != surge_rows.entity_key(driver)
    [opened] = harness.send(trip, surge_rows.entity_key(trip))
    [idle] = harness.send(driver, surge_rows.entity_key(driver))
    assert surge_rows.delta_of(opened) == ZoneDelta(7, START_MS, "run-1", open_change=1)
    assert surge_rows.delta_of(idle) == ZoneDelta(8, START_MS, "run-1", idle_change=1)
    assert len(harness.states) == 2


def test_presence_forgets_by_timer_and_leaves_no_state() -> None:
    harness = Harness(Presence())
    for row in (
        fact(TRIPS.name, trip_event("t", TripState.REQUESTED, START_MS, 7)),
        fact("rideshare.driver_status", status_event("d", DriverStatus.AVAILABLE, START_MS, 8)),
    ):
        harness.send(row, surge_rows.entity_key(row))
    closed = [surge_rows.delta_of(row) for row in harness.advance(START_MS + 6 * HOUR_MS)]
    gone = [surge_rows.delta_of(row) for row in harness.advance(START_MS + 26 * HOUR_MS)]
    assert closed == [ZoneDelta(7, START_MS + 6 * HOUR_MS, "run-1", open_change=-1)]
    assert gone == [ZoneDelta(8, START_MS + 26 * HOUR_MS, "run-1", idle_change=-1)]
    assert (harness.states, harness.timers) == ({}, set())


def test_the_end_of_input_is_no_passing_of_time_for_presence() -> None:
    harness = Harness(Presence())
    row = fact(TRIPS.name, trip_event("t", TripState.REQUESTED, START_MS, 7))
    harness.send(row, surge_rows.entity_key(row))
    assert harness.advance(END_OF_INPUT_MS) == []


def test_a_zone_speaks_when_the_watermark_passes_and_is_forgotten_at_rest() -> None:
    harness = Harness(ZoneClock())
    for delta in (
        ZoneDelta(7, START_MS, "run-1", open_change=1),
        ZoneDelta(7, START_MS + 20_000, "run-1", open_change=-1),
    ):
        assert harness.send(surge_rows.delta_row(delta), 7) == []
    rows = harness.advance(START_MS + 15_000)
    rows += harness.advance(START_MS + HOUR_MS)
    said = [
        ZoneMetrics(**dict(zip(ZoneMetrics.__struct_fields__, row, strict=True))) for row in rows
    ]
    assert [m.window_end_ms for m in said] == [
        START_MS + 10_000 * number for number in range(len(said))
    ]
    assert [m.open_requests for m in said[:3]] == [1, 1, 0]
    assert said[-1].smoothed_ratio == 0
    assert (harness.states, harness.timers) == ({}, set())


def test_a_misplaced_change_is_counted() -> None:
    harness = Harness(ZoneClock())
    harness.advance(START_MS)
    harness.send(surge_rows.delta_row(ZoneDelta(7, START_MS, "run-1", open_change=1)), 7)
    assert harness.counters[metrics.JOB_MISPLACED.name].count == 1


def test_rows_have_as_many_fields_as_their_type() -> None:
    trip = fact(TRIPS.name, trip_event("t", TripState.REQUESTED, START_MS, 7))
    driver = fact("rideshare.driver_status", status_event("d", DriverStatus.OFFLINE, START_MS, 8))
    delta = surge_rows.delta_row(ZoneDelta(7, START_MS, "run-1"))
    late, _ = Harness(Admission()).send(record(request(START_MS), START_MS + 60_000))
    for row, kind in (
        (trip, surge_rows.FACT),
        (driver, surge_rows.FACT),
        (delta, surge_rows.DELTA),
        (late[1], surge_rows.LATE),
    ):
        assert len(row) == len(kind.get_field_names())


def test_rows_have_the_columns_of_the_contract_in_order() -> None:
    assert tuple(surge_rows.METRICS.get_field_names()) == ZoneMetrics.__struct_fields__
