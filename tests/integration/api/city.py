"""A make-believe city that writes to Redis as the jobs do: for tests and for work on the map.

`python -m tests.integration.api.city --drivers 500` keeps the local Redis moving until Ctrl-C.
"""

import argparse
import math
import os
import random
import time
from collections import defaultdict
from collections.abc import Sequence

import h3
import msgspec
from redis import Redis

from contracts import redis_keys
from contracts.anomalies import SEVERITIES, AnomalyKind, AnomalyPhase
from contracts.events import DriverStatus, EntityType
from contracts.live import Anomaly, Position, PositionFrame, ZoneMetrics
from contracts.ports import port
from contracts.rules import great_circle_m, speed_kmh, surge_multiplier
from contracts.timestamps import epoch_ms
from contracts.zones import ZONES, zone_at
from flink_jobs.feeder.handlers import Anomalies

DOMAIN = "rideshare"
START_MS = epoch_ms("2026-03-02T09:00:00Z")
MOVING = (DriverStatus.EN_ROUTE, DriverStatus.ON_TRIP)


def position(entity_id: str, lat: float, lon: float, **fields: object) -> Position:
    """Return a driver's position with sensible values for what is not given."""
    defaults: dict[str, object] = {
        "entity_type": EntityType.DRIVER,
        "speed_kmh": 30.0,
        "heading_deg": 90.0,
        "driver_status": DriverStatus.AVAILABLE,
        "trip_id": None,
        "seq": 1,
        "event_time_ms": START_MS,
        "event_id": f"event-{entity_id}",
        "run_id": "run-1",
    }
    return Position(entity_id=entity_id, lat=lat, lon=lon, **(defaults | fields))  # type: ignore[arg-type]


def metrics(zone_id: int, **fields: object) -> ZoneMetrics:
    """Return a zone's metrics with sensible values for what is not given."""
    defaults: dict[str, object] = {
        "window_start_ms": START_MS,
        "window_end_ms": START_MS + 300_000,
        "open_requests": 0,
        "idle_drivers": 1,
        "ratio": 0.0,
        "smoothed_ratio": 0.0,
        "multiplier": 1.0,
        "late_records": 0,
        "run_id": "run-1",
    }
    return ZoneMetrics(zone_id=zone_id, **(defaults | fields))  # type: ignore[arg-type]


def anomaly(anomaly_id: str, kind: AnomalyKind, **fields: object) -> Anomaly:
    """Return an anomaly with sensible values for what is not given; a silence has no place."""
    defaults: dict[str, object] = {
        "phase": AnomalyPhase.RAISED,
        "severity": SEVERITIES[kind],
        "rule_version": 1,
        "reason": "too_fast",
        "entity_id": f"driver-of-{anomaly_id}",
        "entity_type": EntityType.DRIVER,
        "event_time_ms": START_MS,
        "run_id": "run-1",
    }
    lasting = {AnomalyKind.ZOMBIE_DRIVER: "silent", AnomalyKind.FROZEN_GPS: "same_point"}
    if kind in lasting:
        defaults |= {"reason": lasting[kind], "lasted_ms": 600_000}
    if kind is not AnomalyKind.ZOMBIE_DRIVER:
        defaults |= {"lat": -23.55, "lon": -46.63, "event_id": f"event-{anomaly_id}"}
    return Anomaly(anomaly_id=anomaly_id, kind=kind, **(defaults | fields))  # type: ignore[arg-type]


def publish_anomalies(client: Redis, anomalies: list[Anomaly]) -> None:
    """Append anomalies to the log and tell the live channel, by the feeder's own hand."""
    wall_ms = int(time.time() * 1000)
    Anomalies(client, DOMAIN, lambda: wall_ms).write([(found, wall_ms) for found in anomalies])


def publish_positions(client: Redis, positions: list[Position]) -> None:
    """Store positions and tell the live channels, one frame per coarse cell."""
    frames: defaultdict[str, list[Position]] = defaultdict(list)
    pipe = client.pipeline(transaction=False)
    for at in positions:
        pipe.hset(redis_keys.positions(DOMAIN), at.entity_id, msgspec.json.encode(at))
        pipe.geoadd(redis_keys.positions_geo(DOMAIN), (at.lon, at.lat, at.entity_id))
        pipe.zadd(redis_keys.positions_seen(DOMAIN), {at.entity_id: at.event_time_ms})
        cell = h3.latlng_to_cell(at.lat, at.lon, redis_keys.POSITION_CELL_RESOLUTION)
        frames[cell].append(at)
    for cell, inside in frames.items():
        frame = PositionFrame(cell=cell, positions=inside)
        pipe.publish(redis_keys.live_positions_channel(DOMAIN, cell), msgspec.json.encode(frame))
    pipe.execute()


def publish_metrics(client: Redis, zones: list[ZoneMetrics]) -> None:
    """Store metrics of zones and tell the live channel."""
    values = {str(zone.zone_id): msgspec.json.encode(zone) for zone in zones}
    client.hset(redis_keys.surge(DOMAIN), mapping=values)  # type: ignore[arg-type]
    client.publish(redis_keys.live_surge_channel(DOMAIN), msgspec.json.encode(zones))


class Driver:
    """Drives straight on, turns now and then, and stays inside the city."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.entity_id = f"driver-{number:05d}"
        self._chance = chance
        # Most of the city's traffic is in its middle.
        weights = [
            math.exp(-(((z.lat + 23.56) / 0.07) ** 2) - ((z.lon + 46.65) / 0.09) ** 2) + 0.02
            for z in ZONES
        ]
        zone = chance.choices(ZONES, weights)[0]
        self.lat, self.lon = zone.lat + chance.gauss(0, 0.008), zone.lon + chance.gauss(0, 0.008)
        self.heading_deg = chance.choice((20.0, 110.0, 200.0, 290.0)) + chance.gauss(0, 8)
        self.status = chance.choices(list(DriverStatus), (2, 30, 18, 6, 44))[0]
        self.seq = 0

    def step(self, event_time_ms: int, elapsed_s: float) -> Position:
        """Return where the driver is after so many seconds."""
        if self._chance.random() < 0.01:
            self.status = self._chance.choices(list(DriverStatus), (2, 30, 18, 6, 44))[0]
        speed_kmh = self._chance.uniform(18, 55) if self.status in MOVING else 0.0
        if self._chance.random() < 0.06:
            self.heading_deg = (self.heading_deg + self._chance.choice((-90, 90))) % 360
        way_deg = speed_kmh / 3.6 * elapsed_s / 111_320
        radians = math.radians(self.heading_deg)
        lat = self.lat + way_deg * math.cos(radians)
        lon = self.lon + way_deg * math.sin(radians) / math.cos(math.radians(self.lat))
        if zone_at(lat, lon) is None:
            self.heading_deg = (self.heading_deg + 180) % 360
        else:
            self.lat, self.lon = lat, lon
        self.seq += 1
        return position(
            self.entity_id,
            round(self.lat, 7),
            round(self.lon, 7),
            speed_kmh=round(speed_kmh, 1),
            heading_deg=round(self.heading_deg % 360, 1),
            driver_status=self.status,
            trip_id=f"trip-{self.entity_id[7:]}" if self.status in MOVING else None,
            seq=self.seq,
            event_time_ms=event_time_ms,
        )


def zone_metrics(chance: random.Random, event_time_ms: int) -> list[ZoneMetrics]:
    """Return metrics of all zones, busiest in the middle of the city."""
    found = []
    for zone in ZONES:
        heat = math.exp(-(((zone.lat + 23.56) / 0.05) ** 2) - ((zone.lon + 46.66) / 0.07) ** 2)
        requests = max(0, round(chance.gauss(14 * heat, 2)))
        idle = max(0, round(chance.gauss(4, 1.5)))
        ratio = requests / max(1, idle)
        found.append(
            metrics(
                zone.zone_id,
                window_start_ms=event_time_ms - 300_000,
                window_end_ms=event_time_ms,
                open_requests=requests,
                idle_drivers=idle,
                ratio=ratio,
                smoothed_ratio=ratio,
                multiplier=surge_multiplier(ratio),
            )
        )
    return found


class Troubles:
    """Now and then something is wrong with a driver; what lasts ends after a while."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._open: dict[str, Anomaly] = {}
        self._count = 0

    def step(self, drivers: Sequence[Driver], event_time_ms: int) -> list[Anomaly]:
        """Return what began and what ended in one tick."""
        ended = [one for one in self._open.values() if self._chance.random() < 0.01]
        for one in ended:
            del self._open[one.anomaly_id]
        found = [_ended(one, event_time_ms) for one in ended]
        if self._chance.random() < 0.04:
            kind = self._chance.choices(list(AnomalyKind), (3, 6, 2, 1))[0]
            found.append(self._begin(kind, self._chance.choice(drivers), event_time_ms))
        return found

    def _begin(self, kind: AnomalyKind, driver: Driver, event_time_ms: int) -> Anomaly:
        self._count += 1
        before_ms = event_time_ms - (600_000 if kind is AnomalyKind.ZOMBIE_DRIVER else 4000)
        fields: dict[str, object] = {"previous_event_time_ms": before_ms}
        if kind in (AnomalyKind.OUTLIER, AnomalyKind.IMPOSSIBLE_SPEED):
            lat = driver.lat + self._chance.gauss(0, 0.06)
            lon = driver.lon + self._chance.gauss(0, 0.09)
            distance_m = great_circle_m(driver.lat, driver.lon, lat, lon)
            fields |= {"lat": lat, "lon": lon, "distance_m": distance_m, "accuracy_m": 12.0}
            fields |= {"previous_lat": driver.lat, "previous_lon": driver.lon}
            fields["speed_kmh"] = speed_kmh(distance_m, 4000)
        if kind is AnomalyKind.OUTLIER:
            fields |= {"reason": "accuracy", "accuracy_m": self._chance.uniform(120, 900)}
        if kind is AnomalyKind.FROZEN_GPS:
            fields |= {"lat": driver.lat, "lon": driver.lon, "lasted_ms": 60_000}
        found = anomaly(
            f"{kind}-{self._count}",
            kind,
            entity_id=driver.entity_id,
            event_time_ms=event_time_ms,
            **fields,
        )
        if found.is_open:
            self._open[found.anomaly_id] = found
        return found


def _ended(begun: Anomaly, event_time_ms: int) -> Anomaly:
    lasted_ms = event_time_ms - begun.event_time_ms + (begun.lasted_ms or 0)
    return msgspec.structs.replace(
        begun, phase=AnomalyPhase.CLEARED, event_time_ms=event_time_ms, lasted_ms=lasted_ms
    )


def main() -> None:
    """Keep a city moving: 20 times real time, a ping per driver every 4 simulated seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--drivers", type=int, default=500)
    parser.add_argument("--speed", type=float, default=20.0)
    arguments = parser.parse_args()
    offset = int(os.environ.get("FAROL_PORT_OFFSET") or 0)
    client, chance = Redis(port=port("redis", offset)), random.Random(7)
    drivers = [Driver(number, chance) for number in range(arguments.drivers)]
    troubles = Troubles(chance)
    began, groups, tick = time.monotonic(), 2, 0
    ping_s = 4.0
    while True:
        event_time_ms = START_MS + int((time.monotonic() - began) * 1000 * arguments.speed)
        publish_positions(
            client, [d.step(event_time_ms, ping_s) for d in drivers[tick % groups :: groups]]
        )
        if news := troubles.step(drivers, event_time_ms):
            publish_anomalies(client, news)
        if tick % 5 == 0:
            publish_metrics(client, zone_metrics(chance, event_time_ms))
        tick += 1
        time.sleep(max(0.0, began + tick * ping_s / arguments.speed / groups - time.monotonic()))


if __name__ == "__main__":
    main()
