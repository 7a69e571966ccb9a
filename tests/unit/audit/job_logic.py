"""The anomalies as the job's own pure logic has them, without Flink around it."""

from collections import defaultdict
from collections.abc import Iterable

from contracts.domain import DRIVER_STATUS, GPS_PINGS
from contracts.events import EntityType
from contracts.live import Anomaly
from contracts.timestamps import epoch_ms
from flink_jobs.logic import vigil
from flink_jobs.logic.gps_track import Candidate, Point, Track, on_candidate
from tests.gps_city import LIMIT_MS, Lane, Ping, pings_on_time, well_formed

FOREVER_MS = 1 << 60


def job_anomalies(run_id: str, lanes: dict[Lane, list[bytes | None]]) -> list[Anomaly]:
    """Return what `gps_anomalies` tells of a run, in no order."""
    by_entity: dict[str, list[Ping]] = defaultdict(list)
    for ping in pings_on_time(lanes, tuple(EntityType)):
        if ping.event.run_id == run_id:
            by_entity[ping.event.entity_id].append(ping)
    said = [alert for pings in by_entity.values() for alert in _track(pings)]
    return said + _zombies(run_id, lanes, by_entity)


def _track(pings: Iterable[Ping]) -> Iterable[Anomaly]:
    state: Track | None = None
    previous: Point | None = None
    for ping in pings:
        event = ping.event
        point = Point(ping.event_ms, event.lat, event.lon)
        candidate = Candidate(
            run_id=event.run_id,
            entity_id=event.entity_id,
            entity_type=event.entity_type,
            event_id=event.event_id,
            point=point,
            accuracy_m=event.accuracy_m,
            status=event.driver_status,
            previous=previous,
        )
        step = on_candidate(state, candidate)
        state, previous = step.state, point
        yield from step.emit


def _zombies(
    run_id: str, lanes: dict[Lane, list[bytes | None]], by_entity: dict[str, list[Ping]]
) -> list[Anomaly]:
    signs = [
        vigil.Sign(entity, ping.event_ms)
        for entity, pings in by_entity.items()
        for ping in pings
        if ping.event.entity_type == EntityType.DRIVER
    ]
    clock_ms = 0
    for (topic, _), values in lanes.items():
        for _, record, high_ms in well_formed(values, topic):
            at_ms = epoch_ms(record["event_time"])
            if record["run_id"] != run_id or record["event_type"] == "stream_end":
                continue
            if topic == GPS_PINGS.name:
                clock_ms = max(clock_ms, at_ms)
            if topic == DRIVER_STATUS.name and "status" in record and at_ms >= high_ms - LIMIT_MS:
                is_on_shift = record["status"] != "offline"
                signs.append(vigil.Sign(record["driver_id"], at_ms, is_on_shift))
    state = vigil.on_signs(None, signs).state
    state = vigil.on_tick(state, vigil.Tick(clock_ms, clock_ms)).state
    return list(vigil.on_watermark(state, run_id, FOREVER_MS).emit)
