"""Outlines of the zones for the map: the cells of each zone merged, as GeoJSON.

Neighbours share their vertices to the last digit, because both come from the same cells, so no gaps
and no overlaps show.
"""

import json
from collections import defaultdict
from typing import Any, Final

import h3

from contracts.zones import ZONES, zone_cells

PATH: Final = "contracts/rendered/zones.geojson"
COORDINATE_DIGITS: Final = 5
"""About one metre; a cell's edge is 530 m."""


def zones_geojson() -> str:
    """Return a FeatureCollection with one MultiPolygon per zone, one feature a line."""
    cells: dict[int, list[str]] = defaultdict(list)
    for cell, zone_id in zone_cells().items():
        cells[zone_id].append(cell)
    features = [
        json.dumps(
            {
                "type": "Feature",
                "id": zone.zone_id,
                "properties": {
                    "zone_id": zone.zone_id,
                    "acronym": zone.acronym,
                    "name": zone.name,
                    "subprefecture": zone.subprefecture,
                },
                "geometry": {"type": "MultiPolygon", "coordinates": _outline(cells[zone.zone_id])},
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for zone in ZONES
    ]
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"


def _outline(cells: list[str]) -> list[list[list[tuple[float, float]]]]:
    shape: Any = h3.h3shape_to_geo(h3.cells_to_h3shape(sorted(cells), tight=False))
    return sorted([_ring(ring) for ring in polygon] for polygon in shape["coordinates"])


def _ring(vertices: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a closed ring from its smallest vertex on; h3 turns outer rings counter-clockwise."""
    points = [
        (round(lon, COORDINATE_DIGITS), round(lat, COORDINATE_DIGITS)) for lon, lat in vertices[:-1]
    ]
    start = points.index(min(points))
    points = points[start:] + points[:start]
    return [*points, points[0]]
