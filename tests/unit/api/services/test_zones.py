"""Zones as the map gets them."""

import json

from api.services.zones import zones_geojson
from contracts.zones import ZONES


def test_every_zone_has_an_outline_and_a_place_for_its_name() -> None:
    collection = json.loads(zones_geojson())
    assert [feature["id"] for feature in collection["features"]] == [z.zone_id for z in ZONES]
    for feature, zone in zip(collection["features"], ZONES, strict=True):
        assert feature["geometry"]["type"] == "MultiPolygon"
        assert feature["properties"]["name"] == zone.name
        assert feature["properties"]["label_lat"] == zone.lat
        assert feature["properties"]["label_lon"] == zone.lon
        for polygon in feature["geometry"]["coordinates"]:
            assert polygon[0][0] == polygon[0][-1]
