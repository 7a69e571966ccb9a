"""The surge job on a real broker and a local Flink: equal to the truth, whatever the faults.

Partitions are sent one after another: the first is read to its end while the others are 20 minutes
of event time behind. A watermark that is not kept per partition fails every comparison here.
"""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from confluent_kafka import Message, Producer

from contracts.domain import DRIVER_STATUS, TRIPS, ZONE_METRICS
from contracts.events import ControlRecord, TripState
from contracts.live import ZoneMetrics
from flink_jobs.jobs import surge
from flink_jobs.runtime.environment import table_environment
from flink_jobs.runtime.settings import parse
from tests.surge_city import (
    LIMIT_MS,
    START_MS,
    city_events,
    entity_of,
    expected_metrics,
    laid_out,
    trip_event,
    without_late,
)

RunJob = Callable[..., None]
ReadTopic = Callable[[str], list[Message]]
Key = tuple[int, int]


class City:
    """One run on the topics: what was sent, and what the job gave out for it."""

    def __init__(self, seed: int, late_share: float, kafka: str, read_topic: ReadTopic) -> None:
        rng = random.Random(seed)
        self.run_id = f"surge-{uuid.uuid4()}"
        events = city_events(rng, 20, 400, 60, 6, run_id=self.run_id)
        self.lanes = laid_out(events, rng, late_share=late_share, run_id=self.run_id)
        self.start_wall_ms = int(time.time() * 1000)
        self._kafka, self._read_topic = kafka, read_topic

    def send(self, garbage: tuple[bytes | None, ...] = ()) -> None:
        producer = Producer(
            {"bootstrap.servers": self._kafka, "linger.ms": 20, "message.max.bytes": 8_000_000}
        )
        for (topic, partition), records in self.lanes.items():
            for position, record in enumerate(records):
                if position < len(garbage):
                    producer.produce(topic, garbage[position], None, partition)
                producer.produce(topic, record.value, entity_of(record.event), partition)
            assert producer.flush(60) == 0

    def said(self) -> list[tuple[Key, bytes]]:
        result = []
        for message in self._read_topic(ZONE_METRICS.name):
            value = message.value()
            assert isinstance(value, bytes)
            metrics = msgspec.json.decode(value, type=ZoneMetrics)
            if metrics.run_id == self.run_id:
                key = (metrics.zone_id, metrics.window_end_ms)
                assert msgspec.json.decode(message.key() or b"") == dict(
                    zip(ZONE_METRICS.key_fields, key, strict=True)
                )
                result.append((key, value))
        return result

    def metrics(self) -> dict[Key, ZoneMetrics]:
        return {key: msgspec.json.decode(value, type=ZoneMetrics) for key, value in self.said()}

    def late(self, topic: str) -> list[Message]:
        return [
            message
            for message in self._read_topic(topic)
            if self.run_id.encode() in (message.value() or b"")
        ]


MakeCity = Callable[..., City]


@pytest.fixture
def make_city(kafka: str, read_topic: ReadTopic) -> MakeCity:
    def make(seed: int, late_share: float = 0.0) -> City:
        return City(seed, late_share, kafka, read_topic)

    return make


def run(run_job: RunJob, city: City, *arguments: str) -> None:
    run_job(surge, "--start-wall-ms", str(city.start_wall_ms), *arguments)


def expected(city: City) -> dict[Key, ZoneMetrics]:
    return {
        key: msgspec.structs.replace(metrics, run_id=city.run_id)
        for key, metrics in expected_metrics(city.lanes).items()
    }


@pytest.mark.timeout(600)
def test_every_window_equals_the_truth_and_a_second_delivery_repeats_it(
    make_city: MakeCity, run_job: RunJob
) -> None:
    city = make_city(seed=1)
    city.send()
    run(run_job, city)
    assert city.metrics() == expected(city)
    once = city.said()
    assert len(once) == len(dict(once)), "a window was given out twice by one run"

    run(run_job, city, "--parallelism", "2")
    twice = Counter(city.said())
    assert set(twice) == set(once)
    assert set(twice.values()) == {2}


@pytest.mark.timeout(600)
def test_faults_of_all_kinds_leave_the_counts_right(make_city: MakeCity, run_job: RunJob) -> None:
    city = make_city(seed=2, late_share=0.05)
    # Older than all the rest: a copy with an intact envelope must not move the clock either.
    good = msgspec.json.encode(trip_event("ghost", TripState.REQUESTED, START_MS - 60_000, 1))
    city.send(
        garbage=(
            None,
            b"",
            b"\xff\xfe",
            b"{",
            b"[" * 5_000,
            b'"text"',
            b'{"event_time":null}',
            b'{"event_time":{"deep":1}}',
            good.replace(b'"schema_version":1', b'"schema_version":2'),
            good.replace(b"2026-", b"2099-"),
            good.replace(b"2026-", b"1999-"),
            good.replace(b'"trip_id":"', b'"trip_id":7,"x":"'),
            good.replace(b'"event_time":"', b'"event_time":"x'),
            good + b" " * 1_100_000,
        )
    )
    run(run_job, city)
    truth = expected(city)
    said = city.metrics()
    assert {key: without_late(m) for key, m in said.items() if key in truth} == truth
    for key in said.keys() - truth.keys():
        assert said[key].open_requests == said[key].idle_drivers == said[key].smoothed_ratio == 0
    assert sum(metrics.late_records for metrics in said.values()) > 0

    for topic in (TRIPS, DRIVER_STATUS):
        late = city.late(topic.late)
        assert late
        assert Counter(message.value() for message in late) == late_values(city, topic.name)
        for message in late:
            headers = dict(message.headers() or [])
            assert headers["topic"] == topic.name.encode()
            assert {"partition", "offset"} <= headers.keys()


def late_values(city: City, topic: str) -> Counter[bytes]:
    """Return the bytes of the late records of one topic, as often as they were late."""
    result: Counter[bytes] = Counter()
    for (name, _), records in city.lanes.items():
        high_ms = 0
        for record in records if name == topic else ():
            high_ms = max(high_ms, record.event_ms)
            if record.event_ms < high_ms - LIMIT_MS and not isinstance(record.event, ControlRecord):
                result[record.value] += 1
    return result


def test_watermarks_are_made_inside_the_source_per_partition(
    flink_runtime: None, kafka: str
) -> None:
    settings = parse(surge.JOB, ["--bootstrap-servers", kafka], environ={}, options=surge.OPTIONS)
    table = table_environment(settings)
    surge.build(table, settings)
    plan = table.from_path("surge_records").explain()
    physical = plan.split("== Optimized Physical Plan ==")[1].split("==")[0]
    [scan] = [line for line in physical.splitlines() if "TableSourceScan" in line]
    assert "surge_source" in scan
    assert "watermark=[" in scan
    assert "WatermarkAssigner" not in physical
