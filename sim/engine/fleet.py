"""All movement and all pings of the city, vectorised: one step for everybody.

Each entity has a path (points and the times at which it passes them); a position is an
interpolation on it, so nothing drifts. A ping is due at a time of its own; `tick` makes the pings
that have become due since the last one. Before something about an entity changes, `settle` makes
its pings that are already due, with the old state, so pings do not depend on the steps of time.
Arrays hold + - * / and rounding only, which every processor rounds the same.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from contracts.events import DriverStatus, EntityType
from sim.domain.geometry import (
    DEGREE_QUANTUM,
    METRES_PER_DEGREE_LATITUDE,
    METRES_PER_DEGREE_LONGITUDE,
    Floats,
    distance_m,
    heading_deg,
    quantise_degrees,
)
from sim.engine.pings import Integers, Label, PingBlock, counters, deviations, identities
from sim.policies.routing import MAX_POINTS, Route

NEVER: Final = 2**62
_E7_PER_M_NORTH: Final = DEGREE_QUANTUM / METRES_PER_DEGREE_LATITUDE
_E7_PER_M_EAST: Final = DEGREE_QUANTUM / METRES_PER_DEGREE_LONGITUDE

Settled = tuple[Label, int, int, int, int, int, int, int]
"""Label, entity, number, epoch ms, 1e-7 degrees north and east, tenths of km/h and of degrees."""


class Fleet:
    """Paths and ping times of `n` entities, drivers first, then riders."""

    def __init__(
        self,
        entity_ids: Sequence[str],
        driver_count: int,
        noise_m: Sequence[float],
        keys: tuple[int, int, int, int],
        emit: Callable[[PingBlock], None] | None,
    ) -> None:
        """Put everybody at rest.

        Args:
            entity_ids: Drivers, then riders.
            driver_count: How many of them are drivers.
            noise_m: Standard deviation of the position a ping tells, per entity.
            keys: Words of 64 bits, two for the ids of pings and two for their noise.
            emit: Takes the pings; None leaves them out, which changes nothing else in the city.
        """
        n = len(entity_ids)
        self.labels = [
            Label(EntityType.DRIVER if number < driver_count else EntityType.RIDER, entity_id)
            for number, entity_id in enumerate(entity_ids)
        ]
        self._settled: list[Settled] = []
        self._noise_m = np.asarray(noise_m, dtype=np.float64)
        self._id_keys, self._noise_keys = keys[:2], keys[2:]
        self._emit = emit
        self._sequence = np.zeros(n, dtype=np.int64)
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
        self.labels.append(Label(entity_type, entity_id))
        self._sequence = np.append(self._sequence, 0)
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
        return len(self.labels) - 1

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
            self._sequence,
        ):
            summary.update(np.ascontiguousarray(array).tobytes())
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
        heading = self._heading.item(entity, self._last_point.item(entity))
        headings, speeds = [], []
        for position in range(count - 1):
            a, b = route.points[position], route.points[position + 1]
            took_ms = route.at_ms[position + 1] - route.at_ms[position]
            speeds.append(distance_m(*a, *b) / took_ms * 3600.0)
            heading = heading_deg(*a, *b)
            headings.append(heading)
        rest = MAX_POINTS - count
        self._lat[entity, :count] = [lat for lat, _ in route.points]
        self._lon[entity, :count] = [lon for _, lon in route.points]
        self._at_ms[entity] = [now_ms + at_ms for at_ms in route.at_ms] + [NEVER] * rest
        self._speed[entity] = speeds + [0.0] * (rest + 1)
        self._heading[entity] = headings + [heading] * (rest + 1)
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

    def relabel(
        self,
        entity: int,
        driver_status: DriverStatus | None,
        trip_id: str | None,
        cause_id: str | None,
    ) -> None:
        """Change what the pings of an entity say besides its position; call `settle` before."""
        old = self.labels[entity]
        self.labels[entity] = Label(
            old.entity_type, old.entity_id, driver_status, trip_id, cause_id
        )

    def settle(self, entity: int, now_ms: int) -> None:
        """Make the pings of an entity that are due already.

        Call it before anything about the entity changes.
        """
        while (due_ms := self._next_ping_ms.item(entity)) <= now_ms:
            self._last_ping_ms[entity] = due_ms
            self._next_ping_ms[entity] = due_ms + self._interval_ms.item(entity)
            self._sequence[entity] += 1
            lat, lon, passed = self._place(entity, due_ms)
            self._settled.append(
                (
                    self.labels[entity],
                    entity,
                    self._sequence.item(entity),
                    due_ms,
                    round(lat * DEGREE_QUANTUM),
                    round(lon * DEGREE_QUANTUM),
                    round(self._speed.item(entity, passed) * 10.0),
                    round(self._heading.item(entity, passed) * 10.0),
                )
            )

    def tick(self, now_ms: int) -> None:
        """Hand on every ping that is due, those that were settled included, in one block."""
        rounds = []
        while len(due := np.flatnonzero(self._next_ping_ms <= now_ms)):
            at_ms = self._next_ping_ms[due]
            self._last_ping_ms[due] = at_ms
            self._next_ping_ms[due] = at_ms + self._interval_ms[due]
            self._sequence[due] += 1
            rounds.append((due, self._sequence[due], at_ms))
        if not rounds and not self._settled:
            return
        if rounds:
            entities, sequences, at_ms = (np.concatenate(c) for c in zip(*rounds, strict=True))
            lats, lons, passed = self._interpolate(entities, at_ms)
            columns = [
                entities,
                sequences,
                at_ms,
                np.rint(lats * DEGREE_QUANTUM).astype(np.int64),
                np.rint(lons * DEGREE_QUANTUM).astype(np.int64),
                np.rint(self._speed[entities, passed] * 10.0).astype(np.int64),
                np.rint(self._heading[entities, passed] * 10.0).astype(np.int64),
            ]
        else:
            columns = [np.empty(0, dtype=np.int64) for _ in range(7)]
        known = self.labels
        labels = [known[entity] for entity in columns[0].tolist()]
        if self._settled:
            settled_labels, *settled = zip(*self._settled, strict=True)
            labels.extend(settled_labels)
            columns = [
                np.concatenate((column, np.array(more, dtype=np.int64)))
                for column, more in zip(columns, settled, strict=True)
            ]
            self._settled.clear()
        self._hand_on(labels, columns)

    def position(self, entity: int, now_ms: int) -> tuple[float, float]:
        """Return the true (lat, lon) of an entity."""
        lat, lon, _ = self._place(entity, now_ms)
        return lat, lon

    def positions(self, entities: Sequence[int], now_ms: int) -> tuple[Floats, Floats]:
        """Return true latitudes and longitudes, shape (n,) each."""
        rows = np.asarray(entities, dtype=np.int64)
        lats, lons, _ = self._interpolate(rows, np.full(len(rows), now_ms, dtype=np.int64))
        return lats, lons

    def arrives_ms(self, entity: int) -> int:
        """Return when an entity reaches, or has reached, the end of its path."""
        return int(self._at_ms[entity, self._last_point[entity]])

    def _place(self, entity: int, now_ms: int) -> tuple[float, float, int]:
        """Return the true (lat, lon) of an entity and the number of the point passed last."""
        times = self._at_ms[entity].tolist()
        last = self._last_point.item(entity)
        passed = 0
        while passed < last and times[passed + 1] <= now_ms:
            passed += 1
        lat, lon = self._lat.item(entity, passed), self._lon.item(entity, passed)
        if passed < last:
            share = max(0.0, (now_ms - times[passed]) / (times[passed + 1] - times[passed]))
            lat += (self._lat.item(entity, passed + 1) - lat) * share
            lon += (self._lon.item(entity, passed + 1) - lon) * share
        return quantise_degrees(lat), quantise_degrees(lon), passed

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

    def _hand_on(self, labels: list[Label], columns: list[Integers]) -> None:
        """Put pings in order, add the noise of their receivers and emit them."""
        order = np.lexsort((columns[0], columns[2]))
        entities, sequences, at_ms, lats, lons, speeds, headings = (c[order] for c in columns)
        words = counters(entities, sequences)
        noise_m = self._noise_m[entities]
        north, east = (deviations(words, key) * noise_m for key in self._noise_keys)
        assert self._emit is not None  # noqa: S101 - without it no ping is ever due
        self._emit(
            PingBlock(
                [labels[row] for row in order.tolist()],
                entities,
                sequences,
                words,
                *identities(words, self._id_keys),
                at_ms,
                lats + np.rint(north * _E7_PER_M_NORTH).astype(np.int64),
                lons + np.rint(east * _E7_PER_M_EAST).astype(np.int64),
                speeds,
                headings,
                np.rint(noise_m * 20.0).astype(np.int64),
            )
        )
