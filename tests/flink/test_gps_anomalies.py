"""The anomalies job on a real broker and catalog, against brute force over the same log."""

import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from contracts.anomalies import AnomalyKind
from contracts.domain import ANOMALIES, DRIVER_STATUS
from contracts.events import DriverStatus
from contracts.live import Anomaly
from contracts.timestamps import epoch_ms
from flink_jobs.jobs import gps_anomalies
from flink_jobs.runtime.environment import table_environment
from flink_jobs.runtime.settings import parse
from tests.anomaly_rules import Seen, single_ping_anomalies, zombies
from tests.flink.lanes import send
from tests.gps_city import (
    LENGTH_MS,
    LIMIT_MS,
    START_MS,
    GpsCity,
    Lane,
    faulty_city,
    pings_on_time,
    well_formed,
)

pytestmark = [pytest.mark.kafka, pytest.mark.catalog, pytest.mark.timeout(900)]

Brief = tuple[str, str, str, str | int]
"""Driver, kind, phase, and the event or, for a zombie, the instant."""


def city(run_id: str) -> GpsCity:
    """Return a faulty city with drivers that leave, and one that never pings at all."""
    made = faulty_city(random.Random(11), run_id)
    suffix = run_id[-6:]
    made.status(f"driver-3-{suffix}", START_MS + 900_000, DriverStatus.OFFLINE)
    made.status(f"mute-{suffix}", START_MS + 30_000, DriverStatus.AVAILABLE)
    made.status(f"mute-{suffix}", START_MS + 90_000, DriverStatus.EN_ROUTE, delay_ms=9_000)
    # too late to count: the partition has moved on by more than is allowed
    made.status(f"mute-{suffix}", START_MS + 100_000, DriverStatus.OFFLINE, delay_ms=300_000)
    return made


def expected(lanes: dict[Lane, list[bytes | None]]) -> Counter[Brief]:
    """Return what there is to say, each once."""
    entities: dict[str, list[Seen]] = defaultdict(list)
    for ping in pings_on_time(lanes, ("driver", "rider")):
        event = ping.event
        entities[event.entity_id].append(
            Seen(
                event.event_id,
                ping.event_ms,
                event.lat,
                event.lon,
                event.accuracy_m,
                event.driver_status,
            )
        )
    shifts: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for (topic, _), values in lanes.items():
        for _, record, high_ms in well_formed(values, topic):
            at_ms = epoch_ms(record["event_time"])
            if topic == DRIVER_STATUS.name and "status" in record and at_ms >= high_ms - LIMIT_MS:
                shifts[record["driver_id"]].append((at_ms, record["status"] != "offline"))
    wanted: Counter[Brief] = Counter()
    for entity, pings in entities.items():
        wanted.update((entity, *said) for said in single_ping_anomalies(pings))  # type: ignore[misc]
    last_ms = START_MS + LENGTH_MS - 1
    for driver in shifts:
        heard = [ping.at_ms for ping in entities[driver]]
        for phase, at_ms in zombies(heard, shifts[driver], last_ms):
            wanted[driver, "zombie_driver", phase, at_ms] += 1
    return wanted


def briefly(anomalies: Iterable[Anomaly]) -> Counter[Brief]:
    return Counter(
        (
            each.entity_id,
            each.kind.value,
            each.phase.value,
            each.event_time_ms if each.kind is AnomalyKind.ZOMBIE_DRIVER else str(each.event_id),
        )
        for each in anomalies
    )


def test_every_anomaly_once_on_the_topic_and_in_the_lake(
    kafka: str,
    run_job: Callable[..., None],
    read_topic: Callable[[str], list[Message]],
    read_tables: Callable[..., dict[str, list[dict[str, Any]]]],
) -> None:
    run_id = f"anomalies-{uuid.uuid4()}"
    lanes = city(run_id).lanes()
    start_wall_ms = int(time.time() * 1000)
    send(kafka, lanes)

    run_job(gps_anomalies, "--start-wall-ms", str(start_wall_ms), "--parallelism", "2")

    wanted = expected(lanes)
    assert {kind for _, kind, _, _ in wanted} == {kind.value for kind in AnomalyKind}
    assert {phase for _, kind, phase, _ in wanted if kind == "zombie_driver"} == {
        "raised",
        "cleared",
    }
    said = []
    for message in read_topic(ANOMALIES.name):
        value = message.value() or b""
        if run_id.encode() in value:
            said.append(msgspec.json.decode(value, type=Anomaly, strict=True))
            assert message.key() == said[-1].anomaly_id.encode()
    assert briefly(said) == wanted
    assert len({(each.anomaly_id, each.phase) for each in said}) == len(said)
    assert_evidence(said)

    table = ANOMALIES.stream_table
    rows = [row for row in read_tables([table])[table] if row["run_id"] == run_id]
    kept = [msgspec.convert(row, Anomaly, strict=True) for row in rows]
    assert sorted(kept, key=repr) == sorted(said, key=repr)


def assert_evidence(said: list[Anomaly]) -> None:
    """Assert that each alert shows both points and the speed between them."""
    for each in said:
        if each.kind is AnomalyKind.IMPOSSIBLE_SPEED:
            assert each.previous_lat is not None
            assert each.previous_event_time_ms is not None
            assert (each.speed_kmh is None) == (each.event_time_ms == each.previous_event_time_ms)
            assert each.speed_kmh is None or each.speed_kmh > 200
    assert {each.reason for each in said} == {
        *("accuracy", "outside_service_area", "too_fast", "two_places_at_once"),
        *("same_point", "silent"),
    }


def test_each_topic_is_read_once_and_watermarks_are_made_inside_the_sources(
    flink_runtime: None, kafka: str, lake: str
) -> None:
    settings = parse(
        gps_anomalies.JOB,
        ["--bootstrap-servers", kafka, "--catalog-uri", lake],
        environ={},
        options=gps_anomalies.OPTIONS,
    )
    table = table_environment(settings)
    gps_anomalies.build(table, settings)
    for view in ("candidates", "signs"):
        optimized = table.from_path(view).explain().split("== Optimized Execution Plan ==")[1]
        assert "watermark=[" in optimized
        assert "WatermarkAssigner" not in optimized
        assert "rideshare_gps_pings" not in optimized, "pings are read once, before both branches"
        assert optimized.count("sign_ms_of(") == (1 if view == "candidates" else 0)
