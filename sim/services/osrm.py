"""Ways on real streets from a routing server that speaks OSRM's HTTP contract.

`GET {url}/route/v1/{profile}/{lon},{lat};{lon},{lat}?overview=full&geometries=geojson` answers
`{"code": "Ok", "routes": [{"distance": metres, "geometry": {"coordinates": [[lon, lat], ...]}}]}`
(OSRM, docs/http.md, route service). The way and its length are the server's, the time follows from
the city's speed of the hour, so that shocks and hours count as they do without a server.

Every answer is kept in a SQLite file, also that there was none: a run that is repeated with the
file of the first one gets the same ways, whatever the server does now.
"""

import logging
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import httpx
import msgspec

from sim.domain.geometry import distance_m, quantise_degrees
from sim.domain.scenario import Osrm
from sim.policies.routing import MAX_POINTS, Route, RoutingPolicy, timed
from sim.policies.routing import Path as Way

_LOG: Final = logging.getLogger("farol.sim")
_KEPT: Final = 50_000
_REST_AFTER_FAILURE_S: Final = 5.0
_SHORTEST_M: Final = 1.0


class _Geometry(msgspec.Struct, frozen=True):
    coordinates: list[tuple[float, float]]


class _Way(msgspec.Struct, frozen=True):
    distance: float
    geometry: _Geometry


class _Answer(msgspec.Struct, frozen=True):
    code: str
    routes: list[_Way] = []
    message: str | None = None


class _Found(msgspec.Struct, frozen=True, array_like=True):
    """A way as it is kept: (lat, lon) points and the length of the street."""

    points: tuple[tuple[float, float], ...]
    distance_m: float


class OsrmRouting:
    """Asks a server, remembers, and falls back on a built-in policy where there is no answer."""

    def __init__(
        self,
        settings: Osrm,
        fallback: RoutingPolicy,
        record: Path,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Open the record.

        Args:
            settings: Where the server is.
            fallback: Who is asked where the server has no answer.
            record: SQLite file of the answers; made where it does not exist.
            transport: For tests of the wire.
        """
        self._url = f"{settings.url.rstrip('/')}/route/v1/{settings.profile}"
        self._fallback = fallback
        self._http = httpx.Client(timeout=settings.timeout_s, transport=transport)
        self._kept: OrderedDict[str, _Found | None] = OrderedDict()
        self._silent_until_s = 0.0
        self.answers = self.fallbacks = self.remembered = 0
        record.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(record, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = off")
        self._db.execute("create table if not exists ways (ends text primary key, way text)")

    def route(
        self, start: tuple[float, float], end: tuple[float, float], speed_kmh: float
    ) -> Route:
        """Return the server's way at our speed, or the fall-back's."""
        if distance_m(*start, *end) < _SHORTEST_M:
            return self._fallback.route(start, end, speed_kmh)
        found = self._remembered(start, end)
        if found is None:
            self.fallbacks += 1
            return self._fallback.route(start, end, speed_kmh)
        length_m = sum(distance_m(*a, *b) for a, b in pairwise(found.points))
        return timed(found.points, speed_kmh, max(1.0, found.distance_m / max(length_m, 1.0)))

    def close(self) -> None:
        """Close the connection and the record."""
        self._http.close()
        self._db.close()

    def _remembered(self, start: tuple[float, float], end: tuple[float, float]) -> _Found | None:
        ends = f"{start[1]:.7f},{start[0]:.7f};{end[1]:.7f},{end[0]:.7f}"
        if ends in self._kept:
            self._kept.move_to_end(ends)
            self.remembered += 1
            return self._kept[ends]
        row = self._db.execute("select way from ways where ends = ?", (ends,)).fetchone()
        if row is not None:
            self.remembered += 1
            found = None if row[0] is None else msgspec.json.decode(row[0], type=_Found)
        else:
            found = self._ask(ends, start, end)
            text = None if found is None else msgspec.json.encode(found).decode()
            self._db.execute("insert or replace into ways values (?, ?)", (ends, text))
        self._kept[ends] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    def _ask(
        self, ends: str, start: tuple[float, float], end: tuple[float, float]
    ) -> _Found | None:
        """Return what the server says, None where it says nothing useful.

        A server that does not answer is left alone for a few seconds of wall time: a run that
        waited for each of its thousands of requests would stand still.
        """
        if time.monotonic() < self._silent_until_s:
            return None
        query = {"overview": "full", "geometries": "geojson", "steps": "false"}
        try:
            answer = self._http.get(f"{self._url}/{ends}", params=query)
            decoded = msgspec.json.decode(answer.content, type=_Answer)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            self._silent_until_s = time.monotonic() + _REST_AFTER_FAILURE_S
            _LOG.warning("osrm_unusable url=%s error=%r", self._url, str(error))
            return None
        if decoded.code != "Ok" or not decoded.routes:
            _LOG.info("osrm_no_route code=%s message=%s", decoded.code, decoded.message)
            return None
        way = decoded.routes[0]
        self.answers += 1
        return _Found(_thinned(start, way.geometry.coordinates, end), round(way.distance, 1))


def _thinned(
    start: tuple[float, float], coordinates: Sequence[tuple[float, float]], end: tuple[float, float]
) -> Way:
    """Return at most `MAX_POINTS` (lat, lon) points: the ends and the corners that matter most.

    Corners are taken by Douglas and Peucker's rule, the one farthest from the line first (The
    Canadian Cartographer 10, 1973).
    """
    points = [start, *((quantise_degrees(lat), quantise_degrees(lon)) for lon, lat in coordinates)]
    points.append(end)
    kept = [0, len(points) - 1]
    while len(kept) < MAX_POINTS:
        farthest, position = 0.0, None
        for a, b in pairwise(kept):
            for between in range(a + 1, b):
                away_m = _from_line_m(points[between], points[a], points[b])
                if away_m > farthest:
                    farthest, position = away_m, between
        if position is None:
            break
        kept = sorted([*kept, position])
    return tuple(points[position] for position in kept)


def _from_line_m(
    point: tuple[float, float], a: tuple[float, float], b: tuple[float, float]
) -> float:
    """Return the distance of a point from a straight piece of way, by Heron's formula."""
    base_m, side_m, other_m = distance_m(*a, *b), distance_m(*a, *point), distance_m(*b, *point)
    if base_m < _SHORTEST_M:
        return side_m
    half = (base_m + side_m + other_m) / 2
    area = max(0.0, half * (half - base_m) * (half - side_m) * (half - other_m)) ** 0.5
    return min(2 * area / base_m, side_m, other_m) if area else 0.0
