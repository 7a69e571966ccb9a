"""Points of the service area: random ones inside a zone, and what lies where."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import h3
import numpy as np

from contracts.events import Place
from contracts.zones import cell_at, zone_cells, zone_of_cell
from sim.domain.geometry import offset

_INNER_RADIUS_M: Final = 380.0
"""A disc of this radius around the middle of a resolution-8 cell lies inside it."""


@cache
def _cells_by_zone() -> Mapping[int, tuple[str, ...]]:
    cells: dict[int, list[str]] = {}
    for cell, zone_id in zone_cells().items():
        cells.setdefault(zone_id, []).append(cell)
    return MappingProxyType({zone: tuple(sorted(found)) for zone, found in cells.items()})


def place_at(lat: float, lon: float) -> Place:
    """Return a point with its zone and cell."""
    cell = cell_at(lat, lon)
    return Place(lat=lat, lon=lon, zone_id=zone_of_cell(cell), h3=cell)


def random_place(zone_id: int, rng: np.random.Generator) -> Place:
    """Return a random point of a zone.

    It is drawn in two steps: a cell, then a point of the square inside it, to 1e-7 degrees.
    """
    cells = _cells_by_zone()[zone_id]
    lat, lon = h3.cell_to_latlng(cells[int(rng.integers(len(cells)))])
    side_m = _INNER_RADIUS_M / 2**0.5
    return place_at(*offset(lat, lon, rng.uniform(-side_m, side_m), rng.uniform(-side_m, side_m)))
