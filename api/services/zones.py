"""Answers: where the zones are, as GeoJSON outlines with a place for their name."""

import json
from functools import cache

from contracts.zones import ZONE_BY_ID
from contracts.zones.polygons import zones_geojson as outlines


@cache
def zones_geojson() -> bytes:
    """Return a FeatureCollection: one MultiPolygon per zone, with its facts."""
    collection = json.loads(outlines())
    for feature in collection["features"]:
        zone = ZONE_BY_ID[feature["id"]]
        feature["properties"] |= {
            "label_lat": zone.lat,
            "label_lon": zone.lon,
            "area_km2": zone.area_km2,
        }
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()
