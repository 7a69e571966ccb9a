"""Windows computed again out of Bronze equal the streamed ones, but for what came late.

One city and one replay with copies, malformed and late records; the truth is computed apart.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer

from contracts.domain import (
    DRIVER_STATUS,
    GPS_AGGREGATES,
    GPS_PINGS,
    REGION_WINDOWS,
    TAXI_TRIPS,
    TRIPS,
    ZONE_METRICS,
)
from contracts.events import ControlRecord, DriverStatus, EntityType, GpsPing, TaxiTrip
from contracts.live import GpsAggregate, RegionWindow, ZoneMetrics
from contracts.rules import leg_m
from contracts.timestamps import epoch_ms, rfc3339
from deploy.local.flink_rest import FlinkRest
from deploy.local.jobs import JobControl
from deploy.local.lake import connect
from deploy.local.layout import Layout
from tests.integration.audit.platform import read_topic
from tests.stack_control import TestStack
from tests.surge_city import (
    START_MS,
    city_events,
    end_watermark_ms,
    entity_of,
    expected_metrics,
    laid_out,
    without_late,
)
from tests.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.catalog, pytest.mark.flink, pytest.mark.timeout(900)]
SPAN_MS = 20 * 60_000
REPLAY_MS = epoch_ms("2019-01-01T05:00:00Z")
MINUTE_MS = 60_000
GARBAGE = (b"", b"{", b"\xff", b'{"event_time":null}')
Key = tuple[int, int]
Minute = tuple[str, int]
Trip = tuple[int, int, float, float, int]
"""Region, event time, seconds, metres, cents."""


class Past:
    """What was sent, what the running jobs made of it, and what truly was."""

    def __init__(self, stack: TestStack) -> None:
        self.stack = stack
        rng = random.Random(7)
        events = city_events(rng, 20, 150, 25, 4)
        self.lanes = laid_out(events, rng, late_share=0.05)
        self.until_ms = end_watermark_ms(self.lanes) // MINUTE_MS * MINUTE_MS
        self.in_time: list[Trip] = []
        self.late: list[Trip] = []
        self.pings = pings()
        self.sent = 0

    def send(self) -> None:
        producer = Producer({"bootstrap.servers": self.stack.kafka, "linger.ms": 20})
        for (topic, partition), records in self.lanes.items():
            values = [*GARBAGE, *(record.value for record in records)]
            keys = ["", "", "", "", *(entity_of(record.event) for record in records)]
            for key, value in zip(keys, values, strict=True):
                producer.produce(topic, value, key, partition)
            self.sent += len(values)
        for partition, trips in self._replay().items():
            for trip in trips:
                producer.produce(TAXI_TRIPS.name, trip, b"region", partition)
            self.sent += len(trips)
        for ping in self.pings:
            producer.produce(GPS_PINGS.name, msgspec.json.encode(ping), ping.entity_id)
        for value in GARBAGE:
            producer.produce(GPS_PINGS.name, value)
        self.sent += len(self.pings) + len(GARBAGE)
        assert producer.flush(60) == 0

    def _replay(self) -> dict[int, list[bytes]]:
        rng = random.Random(8)
        lanes: dict[int, list[bytes]] = {p: list(GARBAGE) for p in range(4)}
        times = sorted(REPLAY_MS + rng.randrange(SPAN_MS) for _ in range(300))
        # the last ones are others of the first instants: their partitions have long moved on
        for number, at_ms in enumerate((*times, *times[:20]), 1):
            trip = (
                rng.choice((4, 42, 161)),
                at_ms,
                float(rng.randrange(60, 3000)),
                float(rng.randrange(500, 20_000)),
                rng.randrange(300, 9000),
            )
            record = msgspec.json.encode(_taxi(number, trip))
            copies = 2 if number % 10 == 0 else 1
            lanes[trip[0] % 4] += [record] * copies
            (self.in_time if number <= len(times) else self.late).append(trip)
        for lane in lanes.values():
            lane.append(_end())
        return lanes


def pings() -> list[GpsPing]:
    """Return the pings of three drivers, some of them twice, some minutes late."""
    rng = random.Random(9)
    found: list[GpsPing] = []
    for driver in range(3):
        at_ms, lat, lon = START_MS, -23.55, -46.63
        for seq in range(1, 61):
            at_ms += rng.randrange(1_000, rng.choice((20_000, 150_000)))
            lat, lon = lat + rng.uniform(0, 0.0005), lon + rng.uniform(0, 0.0005)
            ping = GpsPing(
                event_id=f"ping-{driver}-{seq}",
                event_type="gps_ping",
                schema_version=1,
                event_time=rfc3339(at_ms),
                run_id="past",
                entity_type=EntityType.DRIVER,
                entity_id=f"driver-{driver}",
                lat=round(lat, 7),
                lon=round(lon, 7),
                speed_kmh=float(rng.randrange(80)),
                heading_deg=0.0,
                accuracy_m=5.0,
                seq=seq,
                driver_status=rng.choice((DriverStatus.AVAILABLE, DriverStatus.ON_TRIP)),
            )
            found += [ping] * rng.choice((1, 1, 1, 2))
    late = rng.sample(range(len(found)), 10)
    return [p for n, p in enumerate(found) if n not in late] + [found[n] for n in late]


def gps_truth(sent: list[GpsPing], from_ms: int, to_ms: int) -> dict[Minute, tuple[Any, ...]]:
    """Return count, metres, mean and p95 speed and idle share of each driver's minutes."""
    once = sorted({ping.event_id: ping for ping in sent}.values(), key=lambda p: p.event_time)
    before: dict[str, GpsPing] = {}
    members: dict[Minute, list[tuple[GpsPing, float]]] = defaultdict(list)
    for ping in once:
        at_ms, last = epoch_ms(ping.event_time), before.get(ping.entity_id)
        before[ping.entity_id] = ping
        metres = 0.0
        if last is not None:
            elapsed_ms = at_ms - epoch_ms(last.event_time)
            metres = leg_m(last.lat, last.lon, ping.lat, ping.lon, elapsed_ms)
        if from_ms <= at_ms < to_ms:
            members[ping.entity_id, at_ms // MINUTE_MS * MINUTE_MS].append((ping, metres))
    found = {}
    for key, each in members.items():
        speeds = [ping.speed_kmh for ping, _ in each]
        idle = sum(ping.driver_status is DriverStatus.AVAILABLE for ping, _ in each)
        found[key] = (
            len(each),
            pytest.approx(sum(metres for _, metres in each), abs=0.01),
            pytest.approx(np.mean(speeds)),
            pytest.approx(np.percentile(speeds, 95)),
            pytest.approx(idle / len(each)),
        )
    return found


def _taxi(number: int, trip: Trip) -> TaxiTrip:
    region, at_ms, seconds, metres, cents = trip
    return TaxiTrip(
        event_id=f"e-{number}",
        event_type="taxi_trip",
        schema_version=1,
        event_time=rfc3339(at_ms),
        run_id="past",
        trip_id=f"t-{number}",
        region_id=region,
        duration_s=seconds,
        distance_m=metres,
        fare_minor=cents,
        currency="USD",
    )


def _end() -> bytes:
    return msgspec.json.encode(
        ControlRecord(
            event_id="end",
            event_type="stream_end",
            schema_version=1,
            event_time=rfc3339(REPLAY_MS + SPAN_MS + 3_600_000),
            run_id="past",
        )
    )


@pytest.fixture(scope="module")
def past(_stacks) -> Iterator[Past]:
    stack = _stacks(FAROL_CHECKPOINT_INTERVAL_S="3")
    stack.up("kafka", "catalog", "taskmanager")
    found = Past(stack)
    found.send()
    layout = Layout.from_environment(stack.env)
    with FlinkRest(layout.url("flink")) as rest:
        control = JobControl(layout, rest)
        for name in ("ingest_bronze", "surge", "region_windows"):
            control.submit(name)
        tables = [topic.bronze_table for topic in (TRIPS, DRIVER_STATUS, TAXI_TRIPS, GPS_PINGS)]
        catalog = connect(stack.url("catalog"))
        eventually(
            lambda: sum(catalog.load_table(t).scan().count() for t in tables) >= found.sent,
            "everything in Bronze",
        )
        last = max(at_ms for _, at_ms, *_ in found.in_time) // MINUTE_MS * MINUTE_MS
        eventually(lambda: last in {start for _, start in regions(stack)}, "all region windows")
        wanted = set(expected_metrics(found.lanes))
        eventually(lambda: wanted <= set(zones(stack)), "all zone windows")
    yield found
    stack.down()


def zones(stack: TestStack) -> dict[Key, ZoneMetrics]:
    decode = msgspec.json.Decoder(ZoneMetrics).decode
    read = (decode(record.value or b"") for record in read_topic(stack.kafka, ZONE_METRICS.name))
    return {(each.zone_id, each.window_end_ms): each for each in read}


def regions(stack: TestStack) -> dict[Key, RegionWindow]:
    decode = msgspec.json.Decoder(RegionWindow).decode
    read = (decode(record.value or b"") for record in read_topic(stack.kafka, REGION_WINDOWS.name))
    return {(each.region_id, each.window_start_ms): each for each in read if each.is_final}


def backfilled(stack: TestStack, table: str) -> list[dict[str, Any]]:
    rows = connect(stack.url("catalog")).load_table(table).scan().to_arrow().to_pylist()
    return [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows]


def region_truth(trips: list[Trip]) -> dict[Key, tuple[Any, ...]]:
    """Return count, sums and percentiles of each window, computed with NumPy."""
    members: dict[Key, list[Trip]] = defaultdict(list)
    for trip in trips:
        members[trip[0], trip[1] // MINUTE_MS * MINUTE_MS].append(trip)
    found = {}
    for key, each in members.items():
        seconds = np.array([trip[2] for trip in each])
        found[key] = (
            len(each),
            pytest.approx(sum(trip[4] for trip in each) / len(each)),
            pytest.approx(sum(trip[3] for trip in each)),
            pytest.approx(seconds.mean()),
            *(pytest.approx(np.percentile(seconds, p)) for p in (50, 95, 99)),
        )
    return found


def values(window: RegionWindow) -> tuple[Any, ...]:
    return (
        window.trip_count,
        window.average_fare_minor,
        window.total_distance_m,
        window.average_duration_s,
        window.p50_duration_s,
        window.p95_duration_s,
        window.p99_duration_s,
    )


def test_region_windows_out_of_bronze_hold_the_late_trips_too(past):
    interval = ("--from", rfc3339(REPLAY_MS), "--to", rfc3339(REPLAY_MS + SPAN_MS))
    told = past.stack.run("jobs", "backfill", "region_windows", *interval).stdout
    rows = [
        RegionWindow(**row)
        for row in backfilled(past.stack, f"{REGION_WINDOWS.stream_table}_backfill")
    ]
    again = {(row.region_id, row.window_start_ms): row for row in rows}
    streamed = regions(past.stack)

    assert told == f"{len(rows)} windows in lake.{REGION_WINDOWS.stream_table}_backfill\n"
    assert len(again) == len(rows)
    assert {k: values(w) for k, w in again.items()} == region_truth([*past.in_time, *past.late])
    assert {k: values(w) for k, w in streamed.items()} == region_truth(past.in_time)
    touched = {(trip[0], trip[1] // MINUTE_MS * MINUTE_MS) for trip in past.late}
    assert {key for key in again if again[key] != streamed.get(key)} == touched


def test_zone_metrics_out_of_bronze_are_those_of_a_city_without_lateness(past):
    since_ms = START_MS // MINUTE_MS * MINUTE_MS + 5 * MINUTE_MS
    interval = ("--from", rfc3339(since_ms), "--to", rfc3339(past.until_ms))
    ordered = {
        lane: sorted(records, key=lambda record: record.event_ms)
        for lane, records in past.lanes.items()
    }

    def within(found: dict[Key, ZoneMetrics]) -> dict[Key, ZoneMetrics]:
        return {k: without_late(m) for k, m in found.items() if since_ms < k[1] <= past.until_ms}

    truth = within(expected_metrics(ordered, past.until_ms))
    with_lateness = within(expected_metrics(past.lanes, past.until_ms))
    past.stack.run("jobs", "backfill", "surge", *interval)
    rows = [
        ZoneMetrics(**row)
        for row in backfilled(past.stack, "stream.rideshare_zone_metrics_backfill")
    ]
    again = {(row.zone_id, row.window_end_ms): row for row in rows}

    assert len(again) == len(rows)
    assert again == truth
    streamed = within(zones(past.stack))
    assert {key: streamed[key] for key in with_lateness} == with_lateness
    repaired = {key for key in truth if with_lateness.get(key) != truth[key]}
    assert repaired
    assert {key for key in truth if streamed.get(key) != again[key]} == repaired


def test_aggregates_out_of_bronze_have_every_ping_once_and_the_leg_before_the_interval(past):
    since_ms = START_MS // MINUTE_MS * MINUTE_MS + 5 * MINUTE_MS
    until_ms = since_ms + 30 * MINUTE_MS
    interval = ("--from", rfc3339(since_ms), "--to", rfc3339(until_ms))

    past.stack.run("jobs", "backfill", "gps_aggregates", *interval)

    table = f"{GPS_AGGREGATES.stream_table}_backfill"
    rows = [GpsAggregate(**row) for row in backfilled(past.stack, table)]
    drivers = {
        (row.subject_id, row.window_start_ms): (
            row.ping_count,
            row.distance_m,
            row.mean_speed_kmh,
            row.p95_speed_kmh,
            row.idle_share,
        )
        for row in rows
        if row.subject == "driver"
    }
    assert drivers == gps_truth(past.pings, since_ms, until_ms)
    in_zones = sum(row.ping_count for row in rows if row.subject == "zone")
    assert in_zones == sum(counts[0] for counts in drivers.values())


def test_a_part_is_replaced_and_the_rest_stays(past):
    table = f"{REGION_WINDOWS.stream_table}_backfill"
    before = backfilled(past.stack, table)
    interval = ("--from", rfc3339(REPLAY_MS), "--to", rfc3339(REPLAY_MS + 2 * MINUTE_MS))

    past.stack.run("jobs", "backfill", "region_windows", *interval)

    def key(row: dict[str, Any]) -> Key:
        return row["region_id"], row["window_start_ms"]

    assert sorted(backfilled(past.stack, table), key=key) == sorted(before, key=key)


def test_what_cannot_be_backfilled_is_told(past):
    at = "2026-01-05T08:00:00Z"
    for job, since, until, message in (
        ("live_positions", at, at, "has no backfill; these have: "),
        ("surge", "yesterday", at, "--from 'yesterday' is no instant such as"),
        ("surge", "2026-01-05T08:00:05Z", at, "lies inside a window: give a multiple of 10 s"),
        ("surge", at, at, "has to lie before"),
    ):
        result = past.stack.run(
            "jobs", "backfill", job, "--from", since, "--to", until, check=False
        )
        assert (result.returncode, message in result.stderr) == (1, True), result.stderr
