"""The aggregates job on a real broker and catalog, against pandas and the words of the design."""

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pandas as pd  # type: ignore[import-untyped]
import pytest
from confluent_kafka import Message

from contracts.domain import GPS_AGGREGATES, GPS_PINGS
from contracts.live import GpsAggregate
from contracts.zones import zone_at
from flink_jobs.jobs import gps_aggregates
from flink_jobs.runtime.environment import table_environment
from flink_jobs.runtime.settings import parse
from tests.flink.lanes import send
from tests.gps_city import Lane, Ping, faulty_city, late_pings, pings_on_time

pytestmark = [pytest.mark.kafka, pytest.mark.catalog, pytest.mark.timeout(900)]

Key = tuple[str, str, int]
EARTH_RADIUS_M = 6_371_008.8
FIGURES = ("ping_count", "distance_m", "mean_speed_kmh", "p95_speed_kmh", "idle_share")


def distance_m(one: Any, other: Any) -> float:
    """Return the great-circle distance by vectors, which is not how the job does it."""
    import numpy as np

    def vector(ping: Any) -> Any:
        lat, lon = np.radians(ping.lat), np.radians(ping.lon)
        return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])

    a, b = vector(one), vector(other)
    return float(EARTH_RADIUS_M * np.arctan2(np.linalg.norm(np.cross(a, b)), np.dot(a, b)))


def legs(pings: list[Ping]) -> dict[str, float]:
    """Return the metres of each event from the record before it; of copies the longest."""
    before: dict[str, Ping] = {}
    found: dict[str, float] = {}
    for ping in pings:
        previous = before.get(ping.event.entity_id)
        metres = 0.0
        if previous is not None:
            elapsed_ms = ping.event_ms - previous.event_ms
            moved_m = distance_m(previous.event, ping.event)
            if elapsed_ms <= 120_000 and moved_m * 3600 <= 200 * elapsed_ms:
                metres = moved_m
        found[ping.event.event_id] = max(found.get(ping.event.event_id, 0.0), metres)
        before[ping.event.entity_id] = ping
    return found


def expected(lanes: dict[Lane, list[bytes | None]]) -> dict[Key, dict[str, Any]]:
    """Return the windows by subject, identifier and start."""
    pings = pings_on_time(lanes)
    metres = legs(pings)
    frame = pd.DataFrame(
        [
            {
                "event_id": p.event.event_id,
                "driver": p.event.entity_id,
                "zone": zone_at(p.event.lat, p.event.lon),
                "start_ms": p.event_ms // 60_000 * 60_000,
                "metres": metres[p.event.event_id],
                "speed": p.event.speed_kmh,
                "idle": float(p.event.driver_status == "available"),
            }
            for p in pings
        ]
    ).drop_duplicates("event_id")
    zoned = frame.dropna(subset=["zone"]).assign(zone=lambda f: f.zone.astype(int))
    result: dict[Key, dict[str, Any]] = {}
    for subject, rows in (("driver", frame), ("zone", zoned)):
        for (identifier, start_ms), group in rows.groupby([subject, "start_ms"]):
            result[subject, str(identifier), int(start_ms)] = {
                "ping_count": len(group),
                "distance_m": pytest.approx(group.metres.sum(), abs=1e-3),
                "mean_speed_kmh": pytest.approx(group.speed.mean(), abs=1e-5),
                "p95_speed_kmh": pytest.approx(group.speed.quantile(0.95)),
                "idle_share": pytest.approx(group.idle.mean()),
            }
    return result


def by_key(rows: Sequence[Mapping[str, Any]]) -> dict[Key, dict[str, Any]]:
    """Return the figures of rows by key; no key occurs twice."""
    found = {
        (row["subject"], row["subject_id"], row["window_start_ms"]): {
            name: row[name] for name in FIGURES
        }
        for row in rows
    }
    assert len(found) == len(rows), "a window was given out twice"
    return found


def test_windows_equal_an_independent_computation_on_the_topic_and_in_the_lake(
    kafka: str,
    run_job: Callable[..., None],
    read_topic: Callable[[str], list[Message]],
    read_tables: Callable[..., dict[str, list[dict[str, Any]]]],
) -> None:
    run_id = f"aggregates-{uuid.uuid4()}"
    lanes = faulty_city(random.Random(7), run_id).lanes()
    start_wall_ms = int(time.time() * 1000)
    send(kafka, lanes)

    run_job(gps_aggregates, "--start-wall-ms", str(start_wall_ms), "--parallelism", "2")

    wanted = expected(lanes)
    assert {subject for subject, _, _ in wanted} == {"driver", "zone"}
    values = [m.value() or b"" for m in read_topic(GPS_AGGREGATES.name)]
    said = [msgspec.json.decode(v, type=GpsAggregate) for v in values if run_id.encode() in v]
    assert {each.window_end_ms - each.window_start_ms for each in said} == {60_000}
    assert by_key([msgspec.structs.asdict(each) for each in said]) == wanted

    table = GPS_AGGREGATES.stream_table
    rows = [row for row in read_tables([table])[table] if row["run_id"] == run_id]
    assert by_key(rows) == wanted
    assert {row["_written_date"] for row in rows} <= {row["_written_at"][:10] for row in rows}

    late = [m.value() or b"" for m in read_topic(GPS_PINGS.late)]
    ids = [msgspec.json.decode(value)["event_id"] for value in late if run_id.encode() in value]
    assert ids
    assert sorted(ids) == late_pings(lanes)


def test_one_source_one_python_operator_and_one_set_of_windows(
    flink_runtime: None, kafka: str, lake: str
) -> None:
    settings = parse(
        gps_aggregates.JOB,
        ["--bootstrap-servers", kafka, "--catalog-uri", lake],
        environ={},
        options=gps_aggregates.OPTIONS,
    )
    plan = gps_aggregates.build(table_environment(settings), settings).explain()
    optimized = plan.split("== Optimized Execution Plan ==")[1]
    assert optimized.count("TableSourceScan(") == 1
    assert optimized.count("PythonCalc(") == 1
    assert optimized.count("GlobalWindowAggregate(") == 2
    assert "watermark=[" in plan
    assert "WatermarkAssigner" not in optimized
