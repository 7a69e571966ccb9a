"""Which driver gets the next offer.

An index of free drivers by H3 cell; the nearest of them at once, or the best assignment of all who
wait every few seconds.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import h3.api.basic_int as h3
import numpy as np
from scipy.optimize import linear_sum_assignment

from sim.domain.geometry import Floats, distances_m

INDEX_RESOLUTION: Final = 7
"""H3 resolution of the index: 5.16 km² mean, 1.41 km edge."""
ROAD_FACTOR: Final = 1.3
"""Way by road over the straight line, for estimates before there is a route."""
_OUT_OF_REACH_MS: Final = 10**12


def index_cell(lat: float, lon: float) -> int:
    """Return the cell of the matching index at a point."""
    return int(h3.latlng_to_cell(lat, lon, INDEX_RESOLUTION))


class DriverIndex:
    """Free drivers by cell.

    Plain dicts keep insertion order, so that a search never depends on hashing.
    """

    def __init__(self) -> None:
        self._by_cell: dict[int, dict[int, None]] = {}
        self._cell_of: dict[int, int] = {}

    def __len__(self) -> int:
        """Return the number of free drivers."""
        return len(self._cell_of)

    def __contains__(self, driver: int) -> bool:
        """Return whether a driver is free."""
        return driver in self._cell_of

    def put(self, driver: int, cell: int) -> None:
        """Add a driver, or move it to another cell."""
        known = self._cell_of.get(driver)
        if known == cell:
            return
        if known is not None:
            del self._by_cell[known][driver]
        self._cell_of[driver] = cell
        self._by_cell.setdefault(cell, {})[driver] = None

    def remove(self, driver: int) -> None:
        """Take a driver out; one that is not there is no error."""
        cell = self._cell_of.pop(driver, None)
        if cell is not None:
            del self._by_cell[cell][driver]

    def in_ring(self, cell: int, ring: int) -> list[int]:
        """Return the drivers whose cell lies exactly `ring` steps away."""
        found: list[int] = []
        for near in _ring(cell, ring):
            found += self._by_cell.get(near, ())
        return found


@cache
def _ring(cell: int, ring: int) -> tuple[int, ...]:
    """Return the cells `ring` steps away, in order; a city has a few hundred."""
    return tuple(sorted(h3.grid_ring(cell, ring)))


class Locator(Protocol):
    """Tells where drivers are now."""

    def __call__(self, drivers: Sequence[int]) -> tuple[Floats, Floats]:
        """Return latitudes and longitudes, shape (n,) each."""


class Paces(Protocol):
    """Tells how fast drivers are."""

    def __call__(self, drivers: Sequence[int]) -> Floats:
        """Return seconds per metre of road, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A rider who waits at a point for an offer, and the drivers who must not get it."""

    lat: float
    lon: float
    excluded: Collection[int] = ()


class MatchingPolicy(Protocol):
    """Chooses the drivers who get the next offers.

    `interval_s` is the time between two rounds for all who wait; None answers each request at once.
    """

    interval_s: float | None

    def match(
        self, requests: Sequence[Request], index: DriverIndex, locate: Locator, pace: Paces
    ) -> list[int | None]:
        """Return a free driver per request, None where nobody is in reach; nobody twice."""


class NearestMatching:
    """The nearest free driver within a number of rings; equal distances go to the lower number.

    Who would arrive too late is left where they are, and the rider waits for somebody else.
    """

    interval_s: float | None = None

    def __init__(self, search_rings: int, longest_pickup_s: float | None = None) -> None:
        self._search_rings = search_rings
        self._longest_pickup_s = longest_pickup_s

    def match(
        self, requests: Sequence[Request], index: DriverIndex, locate: Locator, pace: Paces
    ) -> list[int | None]:
        """Return the nearest driver of each request, first come, first served."""
        taken: dict[int, None] = {}
        chosen = []
        for request in requests:
            excluded = {*request.excluded, *taken} if taken else request.excluded
            driver = self.choose(request.lat, request.lon, index, locate, pace, excluded)
            if driver is not None:
                taken[driver] = None
            chosen.append(driver)
        return chosen

    def choose(
        self,
        lat: float,
        lon: float,
        index: DriverIndex,
        locate: Locator,
        pace: Paces,
        excluded: Collection[int],
    ) -> int | None:
        """Return the nearest driver.

        One ring more than the first that has somebody is searched: a neighbour's cell may hold a
        nearer driver.
        """
        if not len(index):
            return None
        cell = index_cell(lat, lon)
        found: list[int] = []
        last_ring = self._search_rings
        for ring in range(self._search_rings + 1):
            if ring > last_ring:
                break
            near = [driver for driver in index.in_ring(cell, ring) if driver not in excluded]
            if near and not found:
                last_ring = min(ring + 1, self._search_rings)
            found += near
        if not found:
            return None
        found.sort()
        lats, lons = locate(found)
        away_m = distances_m(lat, lon, lats, lons)
        position = int(np.argmin(away_m))
        nearest = found[position]
        if self._longest_pickup_s is not None:
            pickup_s = away_m[position] * ROAD_FACTOR * pace([nearest])[0]
            return nearest if pickup_s <= self._longest_pickup_s else None
        return nearest


class BatchedMatching:
    """The assignment with the least sum of times to pick up, for all who wait.

    Kuhn-Munkres by scipy on whole milliseconds, so that no tie depends on rounding. As many riders
    as possible are served; only drivers within the searched rings of a rider count, and only those
    who would arrive within the time.
    """

    def __init__(
        self, search_rings: int, interval_s: float, longest_pickup_s: float | None = None
    ) -> None:
        self._search_rings = search_rings
        self._longest_pickup_ms = (longest_pickup_s or math.inf) * 1000.0
        self.interval_s: float | None = interval_s

    def match(
        self, requests: Sequence[Request], index: DriverIndex, locate: Locator, pace: Paces
    ) -> list[int | None]:
        """Return the driver of each request in the best assignment."""
        near = [self._in_reach(request, index) for request in requests]
        drivers = sorted(set().union(*near))
        if not drivers:
            return [None] * len(requests)
        lats, lons = locate(drivers)
        ms_per_m = pace(drivers) * (ROAD_FACTOR * 1000.0)
        column = {driver: position for position, driver in enumerate(drivers)}
        cost = np.full((len(requests), len(drivers)), _OUT_OF_REACH_MS, dtype=np.int64)
        for row, (request, reachable) in enumerate(zip(requests, near, strict=True)):
            columns = sorted(column[driver] for driver in reachable)
            away_m = distances_m(request.lat, request.lon, lats[columns], lons[columns])
            ms = np.rint(away_m * ms_per_m[columns])
            ms[ms > self._longest_pickup_ms] = _OUT_OF_REACH_MS
            cost[row, columns] = ms.astype(np.int64)
        chosen: list[int | None] = [None] * len(requests)
        rows, columns_taken = linear_sum_assignment(cost)
        for row, position in zip(rows.tolist(), columns_taken.tolist(), strict=True):
            if cost[row, position] < _OUT_OF_REACH_MS:
                chosen[row] = drivers[position]
        return chosen

    def _in_reach(self, request: Request, index: DriverIndex) -> set[int]:
        cell = index_cell(request.lat, request.lon)
        found: set[int] = set()
        for ring in range(self._search_rings + 1):
            found.update(index.in_ring(cell, ring))
        return found.difference(request.excluded)
