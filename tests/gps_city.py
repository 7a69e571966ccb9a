"""Pings and statuses of a few drivers with every fault there is, as they lie on their partitions.

Shared by the tests of the jobs that read pings. What is on time, and in which order, is said here
by the words of the design and shares no code with the jobs.
"""

import random
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from contracts.domain import DRIVER_STATUS, GPS_PINGS, PARTITIONS
from contracts.events import ControlRecord, DriverStatus, DriverStatusEvent, EntityType, GpsPing
from contracts.timestamps import epoch_ms, rfc3339
from contracts.validation import reject_reason

START_MS = epoch_ms("2026-03-02T09:00:00Z")
LENGTH_MS = 20 * 60_000
LIMIT_MS = 15_000
"""Written again on purpose: whoever changes the contract changes this test knowingly."""
STEP_MS = 4_000
METRES_PER_DEGREE = 111_195.08
Lane = tuple[str, int]


@dataclass(frozen=True)
class Ping:
    """One ping that a job must take, at its place in the log."""

    place: tuple[int, int]
    event_ms: int
    event: GpsPing


@dataclass
class GpsCity:
    """The records of one run; `arrivals` are (instant, lane, value) and may be added to."""

    run_id: str
    rng: random.Random
    arrivals: list[tuple[int, Lane, bytes | None]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def ping(
        self, entity: str, at_ms: int, lat: float, lon: float, delay_ms: int = 0, **fields: Any
    ) -> GpsPing:
        """Send one ping and return it."""
        self.numbers[entity] += 1
        values: dict[str, Any] = {
            "entity_type": EntityType.DRIVER,
            "speed_kmh": 40.0,
            "heading_deg": 90.0,
            "accuracy_m": 8.0,
            "driver_status": DriverStatus.ON_TRIP,
            **fields,
        }
        event = GpsPing(
            event_id=f"{self.run_id}-{entity}-{self.numbers[entity]}",
            event_type="gps_ping",
            schema_version=1,
            event_time=rfc3339(at_ms),
            run_id=self.run_id,
            entity_id=entity,
            lat=round(lat, 7),
            lon=round(lon, 7),
            seq=self.numbers[entity],
            **values,
        )
        self.send(GPS_PINGS.name, entity, at_ms + delay_ms, msgspec.json.encode(event))
        return event

    def status(self, driver: str, at_ms: int, status: DriverStatus, delay_ms: int = 0) -> None:
        """Send one status of a driver."""
        event = DriverStatusEvent(
            event_id=f"{self.run_id}-{driver}-{status.value}-{at_ms}",
            event_type="driver_status_changed",
            schema_version=1,
            event_time=rfc3339(at_ms),
            run_id=self.run_id,
            driver_id=driver,
            previous_status=None,
            status=status,
            lat=-23.55,
            lon=-46.63,
            zone_id=None,
        )
        self.send(DRIVER_STATUS.name, driver, at_ms + delay_ms, msgspec.json.encode(event))

    def send(self, topic: str, entity: str, arrives_ms: int, value: bytes | None) -> None:
        """Put bytes on the lane of an entity at an instant."""
        lane = (topic, zlib.crc32(entity.encode()) % PARTITIONS)
        self.arrivals.append((arrives_ms, lane, value))

    def control(self, kind: str, at_ms: int) -> None:
        """Send a control record to every lane of both topics."""
        value = msgspec.json.encode(
            ControlRecord(
                event_id=f"{self.run_id}-{kind}-{at_ms}",
                event_type=kind,  # type: ignore[arg-type]
                schema_version=1,
                event_time=rfc3339(at_ms),
                run_id=self.run_id,
            )
        )
        for topic in (GPS_PINGS.name, DRIVER_STATUS.name):
            for partition in range(PARTITIONS):
                self.arrivals.append((at_ms, (topic, partition), value))

    def end(self, end_ms: int) -> None:
        """Send the heartbeats of the whole run and its end."""
        for at_ms in range(START_MS, end_ms, 10_000):
            self.control("stream_heartbeat", at_ms)
        last_ms = max(at_ms for at_ms, _, _ in self.arrivals)
        self.arrivals.sort(key=lambda a: a[0])
        self.control("stream_end", last_ms + 15 * 60_000)

    def lanes(self) -> dict[Lane, list[bytes | None]]:
        """Return the records of each partition in the order in which they are sent."""
        result: dict[Lane, list[bytes | None]] = defaultdict(list)
        for _, lane, value in sorted(self.arrivals, key=lambda a: a[0]):
            result[lane].append(value)
        return result


def well_formed(
    values: list[bytes | None], topic: str
) -> Iterator[tuple[int, dict[str, Any], int]]:
    """Yield (offset, record, newest event time so far) of what is well formed on one partition."""
    high_ms = 0
    for offset, value in enumerate(values):
        if value is not None and reject_reason(topic, value) is None:
            record = msgspec.json.decode(value)
            high_ms = max(high_ms, epoch_ms(record["event_time"]))
            yield offset, record, high_ms


def pings_on_time(
    lanes: dict[Lane, list[bytes | None]], entity_types: tuple[str, ...] = ("driver",)
) -> list[Ping]:
    """Return pings that are not late, copies included, by event time and then the log."""
    found = []
    for (topic, partition), values in lanes.items():
        for offset, record, high_ms in well_formed(values, topic):
            at_ms = epoch_ms(record["event_time"])
            if record.get("entity_type") not in entity_types:
                continue
            if at_ms >= high_ms - LIMIT_MS:
                event = msgspec.convert(record, GpsPing)
                found.append(Ping((partition, offset), at_ms, event))
    return sorted(found, key=lambda p: (p.event_ms, p.place))


def late_pings(lanes: dict[Lane, list[bytes | None]]) -> list[str]:
    """Return the event ids of late pings, riders' too, as often as they came late."""
    return sorted(
        record["event_id"]
        for (topic, _), values in lanes.items()
        for _, record, high_ms in well_formed(values, topic)
        if record["event_type"] == "gps_ping"
        and epoch_ms(record["event_time"]) < high_ms - LIMIT_MS
    )


def broken(value: bytes) -> list[bytes | None]:
    """Return malformed variants of a ping; those with another time must not move a clock."""
    return [
        None,
        b"",
        b"\xff\xfe",
        b"[]",
        value[:80],
        value.replace(b'"lat":', b'"lat":"north","was":'),
        value.replace(b'"lat":', b'"lat":9'),
        value.replace(b'"entity_id":"', b'"entity_id":"","was":"'),
        value.replace(b'"schema_version":1', b'"schema_version":2'),
        value.replace(b"2026-", b"2035-").replace(b'"schema_version":1', b'"schema_version":2'),
        value.replace(b"2026-", b"2035-").replace(b'"gps_ping"', b'"gps_pong"'),
        value.replace(b"2026-", b"2099-"),
        value.replace(b"2026-", b"1999-"),
        value.replace(b'"accuracy_m":', b'"accuracy_m":-'),
    ]


def faulty_city(rng: random.Random, run_id: str, drivers: int = 24) -> GpsCity:
    """Return a city that has every fault of pings, known or thinkable."""
    city = GpsCity(run_id, rng)
    for number in range(drivers):
        _drive(city, f"driver-{number}-{run_id[-6:]}", number)
    for number in range(3):
        for at_ms in range(START_MS, START_MS + LENGTH_MS, 8_000):
            city.ping(
                f"rider-{number}-{run_id[-6:]}",
                at_ms + number,
                *(-23.55 + rng.uniform(-1, 1), -46.63),  # riders jump as they like
                entity_type=EntityType.RIDER,
                driver_status=None,
                delay_ms=100_000 if rng.random() < 0.02 else 0,
            )
    city.end(START_MS + LENGTH_MS)
    return city


def _drive(city: GpsCity, driver: str, number: int) -> None:
    """Send one driver's pings along a straight line, with that driver's faults."""
    rng = city.rng
    lat, lon = -23.62 + rng.random() * 0.1, -46.70 + rng.random() * 0.12
    is_idle = number % 4 == 3
    status = DriverStatus.AVAILABLE if is_idle else DriverStatus.ON_TRIP
    step_ms = 30_000 if is_idle else STEP_MS
    city.status(driver, START_MS + number, status)
    silence = range(START_MS + 240_000, START_MS + 240_000 + 780_000) if number in (1, 3) else ()
    frozen = range(START_MS + 300_000, START_MS + 300_000 + 95_000) if number == 2 else ()
    for at_ms in range(START_MS + number * 7, START_MS + LENGTH_MS, step_ms):
        speed_kmh = 0.0 if is_idle else rng.uniform(20, 70)
        if at_ms not in frozen:
            lat += speed_kmh / 3600 * step_ms / METRES_PER_DEGREE * (1 if number % 2 else -1) * 0.6
            lon += rng.uniform(-1e-5, 1e-5)
        if at_ms in silence:
            continue
        _send_one(city, driver, at_ms, lat, lon, speed_kmh=speed_kmh, driver_status=status)


def _send_one(
    city: GpsCity, driver: str, at_ms: int, lat: float, lon: float, **fields: Any
) -> None:
    rng, drawn = city.rng, city.rng.random()
    away = (rng.uniform(0.05, 0.1), rng.uniform(0.05, 0.1))
    if drawn < 0.01:
        city.ping(driver, at_ms, lat + away[0], lon + away[1], **fields)  # a teleport
    elif drawn < 0.015:
        city.ping(driver, at_ms, lat - 0.5, lon + 0.5, **fields)  # far outside
    elif drawn < 0.02:
        city.ping(driver, at_ms, lat + 0.001, lon, **{**fields, "accuracy_m": 250.0})
    elif drawn < 0.03:  # two points at one time, one of them elsewhere
        city.ping(driver, at_ms, lat, lon, **fields)
        city.ping(driver, at_ms, lat - away[0], lon, **fields)
    elif drawn < 0.035:  # elsewhere for a while
        for later_ms in (0, 900, 1_800, 2_700):
            city.ping(driver, at_ms + later_ms, lat + away[0], lon + away[1] + 1e-5, **fields)
    else:
        delay_ms = 0
        if 0.06 < drawn < 0.10:
            delay_ms = rng.randrange(14_000)
        elif 0.10 < drawn < 0.12:
            delay_ms = 60_000 + rng.randrange(60_000)
        event = city.ping(driver, at_ms, lat, lon, delay_ms=delay_ms, **fields)
        _send_again(city, driver, at_ms, msgspec.json.encode(event), drawn)


def _send_again(city: GpsCity, driver: str, at_ms: int, value: bytes, drawn: float) -> None:
    if drawn < 0.06:
        city.send(GPS_PINGS.name, driver, at_ms + city.rng.randrange(30_000), value)
    elif drawn > 0.96:
        city.send(GPS_PINGS.name, driver, at_ms + 1, city.rng.choice(broken(value)))
