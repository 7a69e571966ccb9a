"""Which driver gets the next offer.

An index of free drivers by H3 cell, and the nearest of them.
"""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

import h3.api.basic_int as h3
import numpy as np

from sim.domain.geometry import Floats, distances_m

INDEX_RESOLUTION: Final = 7
"""H3 resolution of the index: 5.16 km² mean, 1.41 km edge."""


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
        for near in sorted(h3.grid_ring(cell, ring)):
            found += self._by_cell.get(near, ())
        return found


class Locator(Protocol):
    """Tells where drivers are now."""

    def __call__(self, drivers: Sequence[int]) -> tuple[Floats, Floats]:
        """Return latitudes and longitudes, shape (n,) each."""


class MatchingPolicy(Protocol):
    """Chooses the driver who gets the next offer."""

    def choose(
        self,
        lat: float,
        lon: float,
        index: DriverIndex,
        locate: Locator,
        excluded: Collection[int],
    ) -> int | None:
        """Return a free driver who is not excluded, None where nobody is in reach."""


class NearestMatching:
    """The nearest free driver within a number of rings; equal distances go to the lower number."""

    def __init__(self, search_rings: int) -> None:
        self._search_rings = search_rings

    def choose(
        self,
        lat: float,
        lon: float,
        index: DriverIndex,
        locate: Locator,
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
        return found[int(np.argmin(distances_m(lat, lon, lats, lons)))]
