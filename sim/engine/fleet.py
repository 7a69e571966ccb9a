"""All movement and all pings of the city, vectorised: one process ticks for everybody.

Each entity has a path (points and the times at which it passes them); a position is an
interpolation on it, so nothing drifts. A ping is due at a time of its own; the tick makes the
pings that have become due since the last one. Before something about an entity changes, `settle`
makes its ping that is already due, with the old state. Arrays hold + - * / and rounding only,
which every processor rounds the same.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np

from contracts.domain import GPS_PINGS, Topic
from contracts.events import DriverStatus, EntityType, GpsPing
from sim.domain.geometry import (
    DEGREE_QUANTUM,
    METRES_PER_DEGREE_LATITUDE,
    METRES_PER_DEGREE_LONGITUDE,
    Floats,
    distance_m,
    heading_deg,
    quantise_degrees,
)
from sim.engine.stamping import Stamper, TimeText
from sim.policies.routing import MAX_POINTS, Route

NEVER: Final = 2**62
_GPS_TOPIC: Final = GPS_PINGS.name

Column = tuple[int, int, float, float, float, float, float]
"""Row, epoch ms, latitude, longitude, km/h, degrees, metres of accuracy of one ping."""


class Tag:
    """What a ping says about its entity besides the position."""

    __slots__ = ("cause_id", "driver_status", "trip_id")

    def __init__(self) -> None:
        self.driver_status: DriverStatus | None = None
        self.trip_id: str | None = None
        self.cause_id: str | None = None


class Fleet:
    """Paths and ping times of `n` entities, drivers first, then riders."""

    def __init__(
        self,
        entity_ids: Sequence[str],
        driver_count: int,
        noise_m: Sequence[float],
        rng: np.random.Generator,
        stamper: Stamper,
        emit: Callable[[Topic, str, GpsPing, int], None] | None,
    ) -> None:
        """Put everybody at rest.

        Args:
            entity_ids: Drivers, then riders.
            driver_count: How many of them are drivers.
            noise_m: Standard deviation of the position a ping tells, per entity.
            rng: Generator of that noise.
            stamper: Gives pings their ids.
            emit: Takes the pings; None leaves them out, which changes nothing else in the city.
        """
        n = len(entity_ids)
        self.entity_ids = list(entity_ids)
        self.tags = [Tag() for _ in range(n)]
        self._types = [EntityType.DRIVER] * driver_count + [EntityType.RIDER] * (n - driver_count)
        self._noise_m = np.asarray(noise_m, dtype=np.float64)
        self._rng = rng
        self._stamper = stamper
        self._emit = emit
        self._time_text = TimeText()
        self._seq = [0] * n
        self._lat = np.zeros((n, MAX_POINTS))
        self._lon = np.zeros((n, MAX_POINTS))
        self._at_ms = np.full((n, MAX_POINTS), NEVER, dtype=np.int64)
        self._at_ms[:, 0] = 0
        self._heading = np.zeros((n, MAX_POINTS))
        self._speed = np.zeros((n, MAX_POINTS))
        self._last_point = np.zeros(n, dtype=np.int64)
        self._next_ping_ms = np.full(n, NEVER, dtype=np.int64)
        self._last_ping_ms = np.zeros(n, dtype=np.int64)
        self._interval_ms = np.zeros(n, dtype=np.int64)

    def grow(self, entity_id: str, entity_type: EntityType, noise_m: float) -> int:
        """Return the number of a new entity, at rest and silent."""
        self.entity_ids.append(entity_id)
        self.tags.append(Tag())
        self._types.append(entity_type)
        self._seq.append(0)
        self._noise_m = np.append(self._noise_m, noise_m)
        path = np.full((1, MAX_POINTS), NEVER, dtype=np.int64)
        path[0, 0] = 0
        self._at_ms = np.vstack((self._at_ms, path))
        empty = np.zeros((1, MAX_POINTS))
        self._lat, self._lon = np.vstack((self._lat, empty)), np.vstack((self._lon, empty))
        self._heading = np.vstack((self._heading, empty))
        self._speed = np.vstack((self._speed, empty))
        self._last_point = np.append(self._last_point, 0)
        self._next_ping_ms = np.append(self._next_ping_ms, NEVER)
        self._last_ping_ms = np.append(self._last_ping_ms, 0)
        self._interval_ms = np.append(self._interval_ms, 0)
        return len(self.entity_ids) - 1

    def digest(self) -> str:
        """Return a hash of all paths, ping times and sequence numbers."""
        summary = hashlib.sha256()
        for array in (
            self._lat,
            self._lon,
            self._at_ms,
            self._speed,
            self._heading,
            self._next_ping_ms,
            self._last_ping_ms,
            self._interval_ms,
        ):
            summary.update(np.ascontiguousarray(array).tobytes())
        summary.update(repr(self._seq).encode())
        return summary.hexdigest()

    def park(self, entity: int, lat: float, lon: float, now_ms: int) -> None:
        """Put an entity somewhere, at rest."""
        self.settle(entity, now_ms)
        self._at_ms[entity] = NEVER
        self._at_ms[entity, 0] = 0
        self._lat[entity, 0] = lat
        self._lon[entity, 0] = lon
        self._speed[entity] = 0.0
        self._last_point[entity] = 0

    def drive(self, entity: int, route: Route, now_ms: int) -> None:
        """Send an entity along a route that starts now; it rests at the end."""
        self.settle(entity, now_ms)
        count = len(route.points)
        self._at_ms[entity] = NEVER
        self._speed[entity] = 0.0
        self._heading[entity] = self._heading[entity, self._last_point[entity]]
        for position, ((lat, lon), at_ms) in enumerate(zip(route.points, route.at_ms, strict=True)):
            self._lat[entity, position] = lat
            self._lon[entity, position] = lon
            self._at_ms[entity, position] = now_ms + at_ms
        for position in range(count - 1):
            a, b = route.points[position], route.points[position + 1]
            took_ms = route.at_ms[position + 1] - route.at_ms[position]
            self._speed[entity, position] = distance_m(*a, *b) / took_ms * 3600.0
            self._heading[entity, position] = heading_deg(*a, *b)
        self._heading[entity, count - 1 :] = self._heading[entity, max(0, count - 2)]
        self._last_point[entity] = count - 1

    def halt(self, entity: int, now_ms: int) -> None:
        """Stop an entity where it is."""
        lat, lon = self.position(entity, now_ms)
        self.park(entity, lat, lon, now_ms)

    def set_interval(self, entity: int, interval_ms: int, phase_ms: int, now_ms: int) -> None:
        """Change how often an entity pings: 0 is never.

        Two pings are never closer than the interval.

        Args:
            entity: Number of the entity.
            interval_ms: Time between pings.
            phase_ms: How long after now the first one may come, so that not all ping at once.
            now_ms: Epoch milliseconds.
        """
        if self._emit is None:
            return
        self.settle(entity, now_ms)
        self._interval_ms[entity] = interval_ms
        if interval_ms == 0:
            self._next_ping_ms[entity] = NEVER
            return
        earliest = max(int(self._last_ping_ms[entity]) + interval_ms, now_ms + 1 + phase_ms)
        due = int(self._next_ping_ms[entity])
        self._next_ping_ms[entity] = min(earliest, due) if due > now_ms else earliest

    def settle(self, entity: int, now_ms: int) -> None:
        """Make the ping of an entity that is due already.

        Call it before anything about the entity changes.
        """
        if self._next_ping_ms[entity] <= now_ms:
            self._ping(np.array([entity]))

    def tick(self, now_ms: int) -> None:
        """Make every ping that is due."""
        while True:
            due = np.flatnonzero(self._next_ping_ms <= now_ms)
            if not len(due):
                return
            self._ping(due)

    def position(self, entity: int, now_ms: int) -> tuple[float, float]:
        """Return the true (lat, lon) of an entity."""
        times = self._at_ms[entity].tolist()
        last = int(self._last_point[entity])
        passed = 0
        while passed < last and times[passed + 1] <= now_ms:
            passed += 1
        lat, lon = self._lat.item(entity, passed), self._lon.item(entity, passed)
        if passed < last:
            share = max(0.0, (now_ms - times[passed]) / (times[passed + 1] - times[passed]))
            lat += (self._lat.item(entity, passed + 1) - lat) * share
            lon += (self._lon.item(entity, passed + 1) - lon) * share
        return quantise_degrees(lat), quantise_degrees(lon)

    def positions(self, entities: Sequence[int], now_ms: int) -> tuple[Floats, Floats]:
        """Return true latitudes and longitudes, shape (n,) each."""
        rows = np.asarray(entities, dtype=np.int64)
        lats, lons, _ = self._interpolate(rows, np.full(len(rows), now_ms, dtype=np.int64))
        return lats, lons

    def arrives_ms(self, entity: int) -> int:
        """Return when an entity reaches, or has reached, the end of its path."""
        return int(self._at_ms[entity, self._last_point[entity]])

    def _interpolate(
        self, rows: np.ndarray, at_ms: np.ndarray
    ) -> tuple[Floats, Floats, np.ndarray]:
        """Return positions and the number of the point that each row has passed last."""
        times = self._at_ms[rows]
        passed = np.maximum((times <= at_ms[:, None]).sum(axis=1) - 1, 0)
        following = np.minimum(passed + 1, self._last_point[rows])
        line = np.arange(len(rows))
        begin, end = times[line, passed], times[line, following]
        span = np.maximum(end - begin, 1)
        share = np.where(following > passed, (at_ms - begin) / span, 0.0)
        share = np.maximum(share, 0.0)
        lat_a, lon_a = self._lat[rows, passed], self._lon[rows, passed]
        lats = lat_a + (self._lat[rows, following] - lat_a) * share
        lons = lon_a + (self._lon[rows, following] - lon_a) * share
        return (
            np.rint(lats * DEGREE_QUANTUM) / DEGREE_QUANTUM,
            np.rint(lons * DEGREE_QUANTUM) / DEGREE_QUANTUM,
            passed,
        )

    def _ping(self, rows: np.ndarray) -> None:
        at_ms = self._next_ping_ms[rows]
        self._last_ping_ms[rows] = at_ms
        self._next_ping_ms[rows] = at_ms + self._interval_ms[rows]
        lats, lons, passed = self._interpolate(rows, at_ms)
        noise = np.clip(self._rng.standard_normal((2, len(rows))), -3.0, 3.0) * self._noise_m[rows]
        lats = lats + noise[0] / METRES_PER_DEGREE_LATITUDE
        lons = lons + noise[1] / METRES_PER_DEGREE_LONGITUDE
        columns = zip(
            rows.tolist(),
            at_ms.tolist(),
            (np.rint(lats * DEGREE_QUANTUM) / DEGREE_QUANTUM).tolist(),
            (np.rint(lons * DEGREE_QUANTUM) / DEGREE_QUANTUM).tolist(),
            (np.rint(self._speed[rows, passed] * 10.0) / 10.0).tolist(),
            self._heading[rows, passed].tolist(),
            (np.rint(self._noise_m[rows] * 20.0) / 10.0).tolist(),
            strict=True,
        )
        self._emit_pings(columns)

    def _emit_pings(self, columns: Iterable[Column]) -> None:
        """Make the pings of one round; nine of ten events come through this loop."""
        emit, text_of, sequences = self._emit, self._time_text.of, self._seq
        assert emit is not None  # noqa: S101 - without it no ping is ever due
        entity_ids, tags, types = self.entity_ids, self.tags, self._types
        derive, run_id = self._stamper.derive, self._stamper.run_id
        for row, moment, lat, lon, speed, heading, accuracy in columns:
            entity_id = entity_ids[row]
            tag = tags[row]
            sequences[row] = seq = sequences[row] + 1
            trip_id = tag.trip_id
            ping = GpsPing(
                event_id=derive(f"{_GPS_TOPIC}/{entity_id}/{seq}"),
                event_type="gps_ping",
                schema_version=1,
                event_time=text_of(moment),
                run_id=run_id,
                correlation_id=trip_id,
                causation_id=tag.cause_id,
                entity_type=types[row],
                entity_id=entity_id,
                lat=lat,
                lon=lon,
                speed_kmh=speed,
                heading_deg=heading,
                accuracy_m=accuracy,
                seq=seq,
                trip_id=trip_id,
                driver_status=tag.driver_status,
            )
            emit(GPS_PINGS, entity_id, ping, moment)
