"""Zones: the districts of São Paulo as sets of H3 cells, and the ids of New York's taxi zones.

The map, the jobs, the simulator and the lakehouse share this one table. Reading order: `districts`
(facts), `generate` (the rule that makes `cells.csv`), this module (look-ups), `polygons` (outlines
for the map).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

import h3

from contracts.zones.districts import districts, rows

CELL_RESOLUTION: Final = 8
"""H3 resolution of the cells that zones are made of (0.75 km² at São Paulo)."""
NYC_ZONE_IDS: Final = range(1, 266)
"""Taxi zones of New York, as the TLC numbers them."""
NYC_UNKNOWN_ZONE_IDS: Final = frozenset({264, 265})
"""Unknown and outside New York: accepted, with a flag."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One district with the number of cells it got; `lat` and `lon` are its centroid in degrees."""

    zone_id: int
    acronym: str
    name: str
    subprefecture: str
    lat: float
    lon: float
    area_km2: float
    cell_count: int


@cache
def zone_cells() -> Mapping[str, int]:
    """Return the zone of every cell of the service area."""
    return MappingProxyType({row["cell"]: int(row["zone_id"]) for row in rows("cells.csv")})


def _zones() -> tuple[Zone, ...]:
    counts = Counter(zone_cells().values())
    return tuple(
        Zone(
            zone_id=district.zone_id,
            acronym=district.acronym,
            name=district.name,
            subprefecture=district.subprefecture,
            lat=district.lat,
            lon=district.lon,
            area_km2=district.area_km2,
            cell_count=counts[district.zone_id],
        )
        for district in districts()
    )


ZONES: Final[tuple[Zone, ...]] = _zones()
ZONE_BY_ID: Final[Mapping[int, Zone]] = MappingProxyType({zone.zone_id: zone for zone in ZONES})


def service_area_cells() -> frozenset[str]:
    """Return every cell that belongs to a zone; nothing inside it is an outlier."""
    return frozenset(zone_cells())


def cell_at(lat: float, lon: float) -> str:
    """Return the H3 cell (resolution 8) of a point.

    Raises:
        ValueError: A coordinate is not finite.
    """
    try:
        return str(h3.latlng_to_cell(lat, lon, CELL_RESOLUTION))
    except ValueError as error:
        raise ValueError(f"no cell at {lat=}, {lon=}: both must be finite degrees") from error


def zone_of_cell(cell: str) -> int | None:
    """Return the zone of a cell, None outside all zones (also for text that is no cell)."""
    return zone_cells().get(cell)


def zone_at(lat: float, lon: float) -> int | None:
    """Return the zone of a point, None outside all zones.

    Raises:
        ValueError: A coordinate is not finite.
    """
    return zone_of_cell(cell_at(lat, lon))
