"""Answers: where the zones are, as GeoJSON outlines of their H3 cells."""

from collections import defaultdict
from functools import cache
from typing import Any, Final

import h3
import msgspec

from contracts.zones import ZONES, zone_cells

DECIMALS: Final = 5
"""One metre; more digits would only make the answer longer."""


@cache
def zones_geojson() -> bytes:
    """Return a FeatureCollection: one MultiPolygon per zone, with its facts."""
    cells: defaultdict[int, list[str]] = defaultdict(list)
    for cell, zone_id in zone_cells().items():
        cells[zone_id].append(cell)
    features = [
        {
            "type": "Feature",
            "id": zone.zone_id,
            "properties": {
                "zone_id": zone.zone_id,
                "name": zone.name,
                "acronym": zone.acronym,
                "subprefecture": zone.subprefecture,
                "label_lat": zone.lat,
                "label_lon": zone.lon,
                "area_km2": zone.area_km2,
            },
            "geometry": {"type": "MultiPolygon", "coordinates": _outline(cells[zone.zone_id])},
        }
        for zone in ZONES
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _outline(cells: list[str]) -> list[Any]:
    shape = h3.cells_to_geo(cells, tight=False)
    return [
        [[[round(lon, DECIMALS), round(lat, DECIMALS)] for lon, lat in ring] for ring in polygon]
        for polygon in shape["coordinates"]
    ]
