"""Ten thousand interleavings of the same parts give the same trips, and leave nothing behind.

The job is driven here without Flink: watermarks and a queue of timers stand in for it.
`tests/flink/test_trip_assembly.py` runs the real one.
"""

import heapq
import random
from collections import defaultdict

import msgspec

from contracts.events import TaxiTripEvent
from contracts.live import AssembledTrip
from contracts.rules import TRIP_MEMORY_MS
from contracts.timestamps import epoch_ms
from flink_jobs.logic.trip_assembly import OpenTrip, Step, is_late, on_part, on_timer
from tests.trip_parts import HOUR_MS, expected, made_up

INTERLEAVINGS = 10_000
DELAY_MS = 300_000


class Job:
    """Keyed state and event-time timers in one process; the watermark lags at will."""

    def __init__(self) -> None:
        self.trips: dict[str, OpenTrip] = {}
        self.said: dict[str, list[AssembledTrip]] = defaultdict(list)
        self.high_ms = self.watermark_ms = -(2**62)
        self._timers: list[tuple[int, str]] = []

    def read(self, event: TaxiTripEvent) -> None:
        at_ms = epoch_ms(event.event_time)
        self.high_ms = max(self.high_ms, at_ms)
        assert not is_late(at_ms, self.high_ms)
        self._take(event.trip_id, on_part(self.trips.get(event.trip_id), event))

    def pass_time(self, watermark_ms: int) -> None:
        self.watermark_ms = max(self.watermark_ms, watermark_ms)
        while self._timers and self._timers[0][0] <= self.watermark_ms:
            now_ms, trip_id = heapq.heappop(self._timers)
            self._take(trip_id, on_timer(self.trips.get(trip_id), trip_id, now_ms))

    def _take(self, trip_id: str, step: Step) -> None:
        if step.state is None:
            self.trips.pop(trip_id, None)
        else:
            self.trips[trip_id] = step.state
        if step.timer_ms is not None:
            heapq.heappush(self._timers, (step.timer_ms, trip_id))
        if step.emit is not None:
            self.said[trip_id].append(step.emit)


def interleaved(rng: random.Random, events: list[TaxiTripEvent]) -> list[TaxiTripEvent]:
    """Return every event at least once, some again, displaced by up to most of the memory."""
    reach_ms = rng.choice((0, HOUR_MS, 8 * HOUR_MS, TRIP_MEMORY_MS // 2 - 1))
    copies = [event for event in events for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    placed = [(epoch_ms(e.event_time) + rng.randint(0, reach_ms), rng.random(), e) for e in copies]
    return [event for _, _, event in sorted(placed, key=lambda p: p[:2])]


def test_ten_thousand_interleavings_give_the_same_trips() -> None:
    rng = random.Random(20190115)
    for number in range(INTERLEAVINGS):
        if number % 100 == 0:
            events = made_up(rng, trips=4)
            truth = expected(events)
        job = Job()
        laziness = rng.random()
        for event in interleaved(rng, events):
            job.read(event)
            if rng.random() > laziness:
                job.pass_time(job.high_ms - DELAY_MS)
        job.pass_time(2**62)
        assert job.said.keys() == truth.keys()
        for trip_id, told in job.said.items():
            assert [trip.revision for trip in told] == list(range(1, len(told) + 1))
            assert msgspec.structs.replace(told[-1], revision=0) == truth[trip_id]
            gaps = [len(trip.missing) for trip in told]
            assert gaps == sorted(gaps, reverse=True), "a later revision knew less"
        assert job.trips == {}, "a trip was not forgotten"
