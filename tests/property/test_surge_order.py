"""Shuffled within the limit, repeated and interleaved at will: surge says the same, and the truth.

The job is driven here without Flink: a watermark and a queue of keys stand in for it, so that many
interleavings can be tried. `tests/flink/test_surge.py` runs the real one.
"""

import random
from collections import defaultdict
from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.live import ZoneMetrics
from flink_jobs.logic.surge_admission import PassedOver, admit
from flink_jobs.logic.surge_deltas import WATERMARK_DELAY_MS, ZoneDelta
from flink_jobs.logic.surge_drivers import Driver, on_status
from flink_jobs.logic.surge_trips import OpenTrip, TripFact, on_trip
from flink_jobs.logic.surge_zones import Zone, is_too_late, on_delta, on_watermark
from tests.surge_city import (
    Lane,
    Sent,
    city_events,
    end_watermark_ms,
    expected_metrics,
    laid_out,
    without_late,
)

Said = dict[tuple[int, int], ZoneMetrics]


class Job:
    """The rules of the job in one process; watermarks may lag behind the records at will."""

    def __init__(self) -> None:
        self.high_ms: dict[Lane, int] = {}
        self.watermark_ms = -(2**63)
        self.trips: dict[str, OpenTrip | None] = defaultdict(lambda: None)
        self.drivers: dict[str, Driver | None] = defaultdict(lambda: None)
        self.zones: dict[int, Zone | None] = defaultdict(lambda: None)
        self.said: list[ZoneMetrics] = []

    def read(self, lane: Lane, record: Sent) -> None:
        self.high_ms[lane] = max(self.high_ms.get(lane, 0), record.event_ms)
        fact = admit(lane[0], record.value, self.high_ms[lane])
        if isinstance(fact, PassedOver):
            return
        deltas: tuple[ZoneDelta, ...]
        if isinstance(fact, TripFact):
            trip = on_trip(self.trips[fact.trip_id], fact)
            self.trips[fact.trip_id], deltas = trip.state, trip.emit
        else:
            driver = on_status(self.drivers[fact.driver_id], fact)
            self.drivers[fact.driver_id], deltas = driver.state, driver.emit
        for delta in deltas:
            assert not is_too_late(delta, self.watermark_ms)
            step = on_delta(self.zones[delta.zone_id], delta, self.watermark_ms)
            self.zones[delta.zone_id] = step.state

    def advance(self, lanes: int) -> None:
        if len(self.high_ms) < lanes:
            return
        self.watermark_ms = min(self.high_ms.values()) - WATERMARK_DELAY_MS
        for zone_id in list(self.zones):
            step = on_watermark(self.zones[zone_id], zone_id, self.watermark_ms)
            self.zones[zone_id] = step.state
            self.said += step.emit


def run(lanes: dict[Lane, list[Sent]], rng: random.Random, watermark_share: float) -> Said:
    job, positions = Job(), dict.fromkeys(lanes, 0)
    while waiting := [lane for lane in lanes if positions[lane] < len(lanes[lane])]:
        lane = rng.choice(waiting)
        burst = rng.choice([1, 1, 5, 60])
        for record in lanes[lane][positions[lane] : positions[lane] + burst]:
            job.read(lane, record)
        positions[lane] += burst
        if rng.random() < watermark_share:
            job.advance(len(lanes))
    job.advance(len(lanes))
    assert job.watermark_ms == end_watermark_ms(lanes)
    said = {(m.zone_id, m.window_end_ms): m for m in job.said}
    assert len(said) == len(job.said), "a window was given out twice"
    return said


def reordered(lanes: dict[Lane, list[Sent]], rng: random.Random) -> dict[Lane, list[Sent]]:
    """Return the same records with another order inside each partition, within the limit."""
    return {
        lane: sorted(
            records[:-1],
            key=lambda record: record.event_ms + rng.randrange(15_001),
        )
        + records[-1:]
        for lane, records in lanes.items()
    }


seeds = st.integers(0, 2**32)


def city(seed: int, **faults: float) -> dict[Lane, list[Sent]]:
    rng = random.Random(seed)
    events = city_events(
        rng, rng.choice([2, 6]), rng.randrange(1, 50), rng.randrange(1, 8), rng.randrange(1, 4)
    )
    return laid_out(events, rng, **faults)  # type: ignore[arg-type]


def compare(
    said: Said, lanes: dict[Lane, list[Sent]], change: Callable[[ZoneMetrics], ZoneMetrics]
) -> None:
    expected = expected_metrics(lanes)
    assert {key: change(metrics) for key, metrics in said.items()} == expected


@settings(max_examples=25, deadline=None)
@given(seed=seeds, pace=st.floats(0.01, 1))
def test_any_interleaving_gives_the_truth(seed: int, pace: float) -> None:
    lanes = city(seed)
    compare(run(lanes, random.Random(seed + 1), pace), lanes, lambda metrics: metrics)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, pace=st.floats(0.01, 1))
def test_order_within_the_limit_and_repeats_change_nothing(seed: int, pace: float) -> None:
    lanes = city(seed)
    rng = random.Random(seed + 1)
    shuffled = reordered(lanes, rng)
    assert run(shuffled, rng, pace) == run(lanes, rng, 1.0)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, pace=st.floats(0.01, 1))
def test_late_records_count_as_the_log_says_at_any_pace(seed: int, pace: float) -> None:
    lanes = city(seed, late_share=0.15)
    said = run(lanes, random.Random(seed + 1), pace)
    assert said == run(lanes, random.Random(seed + 2), 1.0), "the pace of reading mattered"
    expected = expected_metrics(lanes)
    shown = {key: without_late(m) for key, m in said.items() if key in expected}
    assert shown == expected
    # A zone at rest shows a late record, and closes again: no counts, only the number.
    for key in said.keys() - expected.keys():
        metrics = said[key]
        assert (metrics.open_requests, metrics.idle_drivers, metrics.smoothed_ratio) == (0, 0, 0)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_delivered_twice_says_the_same_bytes(seed: int) -> None:
    lanes = city(seed, late_share=0.05)
    once = run(lanes, random.Random(seed), 0.3)
    again = run(lanes, random.Random(seed + 1), 0.7)
    assert [msgspec.json.encode(once[key]) for key in sorted(once)] == [
        msgspec.json.encode(again[key]) for key in sorted(again)
    ]
