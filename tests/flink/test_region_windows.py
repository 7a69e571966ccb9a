"""The region windows job on a real broker and a local Flink, against pandas and NumPy."""

import csv
import itertools
import random
import re
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from confluent_kafka import Message, Producer
from redis import Redis

from contracts import redis_keys
from contracts.domain import REGION_WINDOWS, TAXI_TRIPS
from contracts.events import ControlRecord, TaxiTrip
from contracts.live import RegionWindow
from contracts.timestamps import epoch_ms, rfc3339
from contracts.validation import reject_reason
from flink_jobs.feeder.handlers import Windows
from flink_jobs.feeder.settings import FeederSettings
from flink_jobs.jobs import region_windows
from flink_jobs.runtime.environment import table_environment
from flink_jobs.runtime.settings import parse
from flink_jobs.runtime.submission import submit
from tests.stack_control import ROOT, TestStack

RunJob = Callable[..., None]
ReadTopic = Callable[[str], list[Message]]
ReadTables = Callable[[Iterable[str]], dict[str, list[dict[str, Any]]]]
Key = tuple[int, int]
START_MS = epoch_ms("2019-01-01T05:00:00Z")
ALLOWANCE_MS = 300_000
MONTHS_MS = 60 * 24 * 3600 * 1000
_SLOTS = itertools.count()
SAMPLE = ROOT.parent / "shared" / "data" / "nyc_yellow_tripdata_sample_2019-01.csv"


class Replay:
    """Trips on partitions, in the order in which they are sent."""

    def __init__(self, kafka: str, read_topic: ReadTopic) -> None:
        self.run_id = f"region-{uuid.uuid4()}"
        # Months of this run only: others may have written windows of the same regions.
        self.shift_ms = next(_SLOTS) * MONTHS_MS
        self.lanes: dict[int, list[bytes | None]] = defaultdict(list)
        self.start_wall_ms = int(time.time() * 1000)
        self._kafka, self._read_topic = kafka, read_topic

    def trip(self, number: int, at_ms: int, region: int, **fields: Any) -> bytes:
        return msgspec.json.encode(
            TaxiTrip(
                event_id=f"{self.run_id}-{number}",
                event_type="taxi_trip",
                schema_version=1,
                event_time=rfc3339(at_ms + self.shift_ms),
                run_id=self.run_id,
                trip_id=f"trip-{number}",
                region_id=region,
                currency="USD",
                **fields,
            )
        )

    def control(self, kind: str, at_ms: int) -> bytes:
        return msgspec.json.encode(
            ControlRecord(
                event_id=f"{self.run_id}-{kind}-{at_ms}",
                event_type=kind,  # type: ignore[arg-type]
                schema_version=1,
                event_time=rfc3339(at_ms + self.shift_ms),
                run_id=self.run_id,
            )
        )

    def send(self) -> None:
        producer = Producer({"bootstrap.servers": self._kafka, "linger.ms": 20})
        for partition, values in self.lanes.items():
            for value in values:
                producer.produce(TAXI_TRIPS.name, value, b"region", partition)
            assert producer.flush(60) == 0

    def windows(self) -> dict[Key, RegionWindow]:
        """Return the final windows of this run; the open ones before them are left in `early`."""
        result: dict[Key, RegionWindow] = {}
        self.early: dict[Key, list[RegionWindow]] = defaultdict(list)
        for message in self._read_topic(REGION_WINDOWS.name):
            window = msgspec.json.decode(message.value() or b"", type=RegionWindow)
            key = (window.region_id, window.window_start_ms)
            if self.has(window):
                assert msgspec.json.decode(message.key() or b"") == dict(
                    zip(REGION_WINDOWS.key_fields, key, strict=True)
                )
                if not window.is_final:
                    self.early[key].append(window)
                    continue
                assert result.setdefault(key, window) == window, "a repeat differs"
        return result

    def has(self, window: RegionWindow) -> bool:
        return 0 <= window.window_start_ms - START_MS - self.shift_ms < MONTHS_MS

    def late(self) -> list[Message]:
        return [
            message
            for message in self._read_topic(TAXI_TRIPS.late)
            if self.run_id.encode() in (message.value() or b"")
        ]


class Account:
    """Where every record must end up, by the words of the design."""

    def __init__(self, lanes: dict[int, list[bytes | None]]) -> None:
        self.trips: dict[Key, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.late: Counter[bytes] = Counter()
        self.accepted = self.repeated = 0
        for values in lanes.values():
            high_ms = 0
            for value in values:
                if value is None or reject_reason(TAXI_TRIPS.name, value) is not None:
                    continue
                record = msgspec.json.decode(value)
                at_ms = epoch_ms(record["event_time"])
                high_ms = max(high_ms, at_ms)
                if record["event_type"] == "taxi_trip":
                    self._take(record, value, at_ms // 60_000 * 60_000, high_ms)

    def _take(self, record: dict[str, Any], value: bytes, start_ms: int, high_ms: int) -> None:
        self.accepted += 1
        if high_ms >= start_ms + 60_000 + ALLOWANCE_MS:
            self.late[value] += 1
            return
        window = self.trips[(record["region_id"], start_ms)]
        self.repeated += record["event_id"] in window
        window[record["event_id"]] = record

    def windows(self) -> dict[Key, RegionWindow]:
        return {key: self._window(key, list(trips.values())) for key, trips in self.trips.items()}

    def in_windows(self) -> int:
        return sum(len(trips) for trips in self.trips.values())

    def _window(self, key: Key, trips: list[dict[str, Any]]) -> RegionWindow:
        durations = [trip["duration_s"] for trip in trips]
        return RegionWindow(
            region_id=key[0],
            window_start_ms=key[1],
            window_end_ms=key[1] + 60_000,
            trip_count=len(trips),
            average_fare_minor=sum(trip["fare_minor"] for trip in trips) / len(trips),
            total_distance_m=sum(trip["distance_m"] for trip in trips),
            average_duration_s=sum(durations) / len(trips),
            p50_duration_s=float(np.percentile(durations, 50)),
            p95_duration_s=float(np.percentile(durations, 95)),
            p99_duration_s=float(np.percentile(durations, 99)),
            currency="USD",
        )


def assert_equal(found: dict[Key, RegionWindow], expected: dict[Key, RegionWindow]) -> None:
    assert found.keys() == expected.keys()
    for key, window in expected.items():
        for name in RegionWindow.__struct_fields__:
            value = getattr(window, name)
            # Sums of doubles depend on their order; everything else is equal to the last digit.
            wanted = pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            assert getattr(found[key], name) == wanted, (key, name)


@pytest.fixture
def replay(kafka: str, read_topic: ReadTopic) -> Replay:
    return Replay(kafka, read_topic)


def run(run_job: RunJob, replay: Replay, *arguments: str) -> None:
    run_job(region_windows, "--start-wall-ms", str(replay.start_wall_ms), *arguments)


def fill(replay: Replay, rng: random.Random) -> None:
    """Lay out an hour: disorder within the allowance, repeats, late and malformed records."""
    placed: dict[int, list[tuple[int, bytes | None]]] = defaultdict(list)
    for number in range(3_000):
        at_ms, region = START_MS + rng.randrange(3_600_000), rng.randrange(1, 9)
        value = replay.trip(
            number,
            at_ms,
            region,
            duration_s=rng.randrange(1, 4_000_000) / 1000,
            distance_m=rng.randrange(20_000_000) / 1000,
            fare_minor=rng.randrange(9_000),
        )
        lane = placed[region % 4]
        delay_ms = rng.randrange(ALLOWANCE_MS) if rng.random() < 0.5 else 0
        lane.append((at_ms + (900_000 if rng.random() < 0.03 else delay_ms), value))
        if rng.random() < 0.03:
            lane.append((at_ms + rng.randrange(ALLOWANCE_MS), value))
        if rng.random() < 0.02:
            lane.append((at_ms, rng.choice(_broken(value))))
    for partition in range(4):
        lane = placed[partition]
        for at_ms in range(START_MS, START_MS + 3_600_000, 10_000):
            lane.append((at_ms, replay.control("stream_heartbeat", at_ms)))
        lane.append((2**62, replay.control("stream_end", START_MS + 3_600_000 + 900_000)))
        replay.lanes[partition] = [value for _, value in sorted(lane, key=lambda row: row[0])]


def _broken(value: bytes) -> list[bytes | None]:
    return [
        None,
        b"\xff\xfe",
        b"[" * 5_000,
        value[:100],
        value.replace(b'"duration_s":', b'"duration_s":"text","was":'),
        value.replace(b'"fare_minor":', b'"fare_minor":-'),
        value.replace(b'"trip_id":"', b'"trip_id":1,"was":"'),
        re.sub(rb'"event_time":"\d{4}', b'"event_time":"2099', value),
        re.sub(rb'"event_time":"\d{4}', b'"event_time":"1999', value),
        value.replace(b'"schema_version":1', b'"schema_version":2'),
    ]


@pytest.mark.timeout(900)
def test_windows_equal_an_independent_computation_and_every_trip_is_accounted_for(
    replay: Replay, run_job: RunJob, read_tables: ReadTables
) -> None:
    fill(replay, random.Random(4))
    replay.send()
    account = Account(replay.lanes)
    run(run_job, replay)
    windows = replay.windows()
    assert kept(read_tables, replay) == windows
    assert_equal(windows, account.windows())
    # An open window grows trip by trip up to the final one; late trips never open it again. A run
    # that ends does not wait for its newest milliseconds, so a few of the last trips are not shown.
    assert replay.early.keys() <= windows.keys()
    assert sum(len(steps) for steps in replay.early.values()) > 0.9 * account.in_windows()
    for key, steps in replay.early.items():
        assert [step.trip_count for step in steps] == list(range(1, len(steps) + 1))
        if len(steps) == windows[key].trip_count:
            shown = msgspec.structs.replace(steps[-1], is_final=True)
            assert_equal({key: shown}, {key: windows[key]})
    late = replay.late()
    assert Counter(message.value() for message in late) == account.late
    assert {dict(message.headers() or [])["topic"] for message in late} == {b"taxi.trips"}
    # What a window operator drops by itself would be missing here.
    windowed = sum(window.trip_count for window in windows.values())
    assert account.accepted == windowed + len(late) + account.repeated

    run(run_job, replay, "--parallelism", "2")
    assert replay.windows() == windows, "a second delivery changed a window"
    assert kept(read_tables, replay) == windows


def kept(read_tables: ReadTables, replay: Replay) -> dict[Key, RegionWindow]:
    """Return the windows of this run in the table, whatever was written twice once."""
    names = RegionWindow.__struct_fields__
    rows = read_tables([REGION_WINDOWS.stream_table])[REGION_WINDOWS.stream_table]
    windows = {RegionWindow(**{name: row[name] for name in names}) for row in rows}
    own = {w for w in windows if replay.has(w)}
    found = {(window.region_id, window.window_start_ms): window for window in own}
    assert len(found) == len(own), "a repeat differs"
    return found


@pytest.mark.timeout(900)
def test_an_open_window_is_shown_at_once_and_the_final_one_stays(
    replay: Replay, flink_runtime: None, kafka: str, lake: str, stack: TestStack
) -> None:
    stack.up("redis")
    redis = Redis(port=stack.port("redis"))
    windows = Windows(redis, "taxi", FeederSettings(kafka, "unused", 0))
    start_ms = START_MS + replay.shift_ms
    key = redis_keys.window(7, start_ms)

    def shown() -> RegionWindow | None:
        replay.windows()
        records = [w for steps in replay.early.values() for w in steps]
        records += replay.windows().values()
        # The newest first: whatever comes later must not take it back.
        for window in reversed(records):
            windows.write([(window, 0)])
        raw: Any = redis.get(key)
        return msgspec.json.decode(raw, type=RegionWindow) if raw else None

    def wait_for(trips: int, *, is_final: bool) -> RegionWindow:
        deadline_s = time.monotonic() + 240
        while True:
            window = shown()
            if window is not None and (window.trip_count, window.is_final) == (trips, is_final):
                return window
            assert time.monotonic() < deadline_s, f"{trips} trips were not shown: {window}"
            time.sleep(0.2)

    def trip(number: int) -> bytes:
        numbers = {"duration_s": 60.0 * number, "distance_m": 100.0, "fare_minor": 500}
        return replay.trip(number, START_MS + number, 7, **numbers)

    settings = parse(
        region_windows.JOB,
        [
            *("--bootstrap-servers", kafka, "--catalog-uri", lake),
            *("--start-wall-ms", str(replay.start_wall_ms)),
            *("--set", "restart-strategy.type=none"),
        ],
        environ={},
        options=region_windows.OPTIONS,
    )
    job = submit(region_windows.build, settings)
    try:
        replay.lanes[2] = [trip(1)]
        replay.send()
        wait_for(1, is_final=False)
        replay.lanes[2] = [trip(2), trip(2), trip(1), trip(3)]
        sent_s = time.monotonic()
        replay.send()
        early = wait_for(3, is_final=False)
        sys.stdout.write(f"shown {time.monotonic() - sent_s:.1f} s after the trip\n")
        assert (early.p50_duration_s, early.p99_duration_s) == (120.0, pytest.approx(178.8))
        for partition in range(4):
            replay.lanes[partition] = [replay.control("stream_end", START_MS + 900_000)]
        replay.send()
        final = wait_for(3, is_final=True)
    finally:
        job.cancel().result()
        redis.close()
    assert final == msgspec.structs.replace(early, is_final=True)


def new_york_trips(path: Path) -> list[tuple[int, int, float, float, int]]:
    """Return (pickup in epoch ms, zone, seconds, metres, cents) of the rows not rejected."""
    zone = ZoneInfo("America/New_York")

    def instant_ms(text: str) -> int:
        return round(datetime.fromisoformat(text).replace(tzinfo=zone, fold=0).timestamp() * 1000)

    trips = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            start_ms = instant_ms(row["pickup_datetime"])
            seconds = (instant_ms(row["dropoff_datetime"]) - start_ms) / 1000
            cents = round(float(row["fare_amount"]) * 100)
            if seconds > 0 and cents >= 0:
                metres = round(float(row["trip_distance"]) * 1609.344, 3)
                trips.append((start_ms, int(row["pickup_location_id"]), seconds, metres, cents))
    return trips


@pytest.mark.timeout(900)
@pytest.mark.skipif(not SAMPLE.exists(), reason=f"needs the taxi sample at {SAMPLE}")
def test_real_trips_in_event_time_order_are_all_windowed(replay: Replay, run_job: RunJob) -> None:
    trips = sorted(new_york_trips(SAMPLE))
    assert len(trips) > 9_000
    for number, (at_ms, region, seconds, metres, cents) in enumerate(trips):
        value = replay.trip(
            number, at_ms, region, duration_s=seconds, distance_m=metres, fare_minor=cents
        )
        replay.lanes[region % 4].append(value)
    for partition in range(4):
        replay.lanes[partition].append(replay.control("stream_end", trips[-1][0] + 900_000))
    replay.send()
    run(run_job, replay)

    import pandas as pd  # type: ignore[import-untyped]

    frame = pd.DataFrame(trips, columns=["at_ms", "region", "duration_s", "distance_m", "cents"])
    frame["start_ms"] = frame.at_ms // 60_000 * 60_000
    groups = frame.groupby(["region", "start_ms"])
    table = pd.DataFrame(
        {
            "trip_count": groups.size(),
            "average_fare_minor": groups.cents.mean(),
            "total_distance_m": groups.distance_m.sum(),
            "average_duration_s": groups.duration_s.mean(),
            "p50_duration_s": groups.duration_s.quantile(0.5),
            "p95_duration_s": groups.duration_s.quantile(0.95),
            "p99_duration_s": groups.duration_s.quantile(0.99),
        }
    )
    expected = {
        (region, start_ms + replay.shift_ms): RegionWindow(
            region_id=region,
            window_start_ms=start_ms + replay.shift_ms,
            window_end_ms=start_ms + replay.shift_ms + 60_000,
            currency="USD",
            **row,
        )
        for (region, start_ms), row in table.to_dict("index").items()
    }
    assert_equal(replay.windows(), expected)
    assert replay.late() == []


def test_all_outputs_share_one_source_and_one_reader(
    flink_runtime: None, kafka: str, lake: str
) -> None:
    settings = parse(
        region_windows.JOB,
        ["--bootstrap-servers", kafka, "--catalog-uri", lake],
        environ={},
        options=region_windows.OPTIONS,
    )
    plan = region_windows.build(table_environment(settings), settings).explain()
    optimized = plan.split("== Optimized Execution Plan ==")[1]
    assert optimized.count("TableSourceScan(") == 1
    assert optimized.count("PythonCalc(") == 1
    assert "watermark=[" in plan
    assert "WatermarkAssigner" not in optimized
