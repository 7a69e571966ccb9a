"""Zones: facts of the table, look-ups, and the outlines for the map."""

import csv
import json
import math
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import h3
import pytest

from contracts import zones
from contracts.rules import great_circle_m
from contracts.zones import generate, polygons
from contracts.zones.districts import District, districts

SOURCE = Path(__file__).resolve().parents[5] / "shared" / "data" / "sao_paulo_districts.csv"
AREA_OF_THE_CITY_KM2 = 1518.1


def plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).upper()


def test_there_are_96_districts_with_distinct_names() -> None:
    assert [zone.zone_id for zone in zones.ZONES] == list(range(1, 97))
    assert len({zone.name for zone in zones.ZONES}) == 96
    assert len({zone.acronym for zone in zones.ZONES}) == 96
    assert len({zone.subprefecture for zone in zones.ZONES}) == 32
    total = sum(zone.area_km2 for zone in zones.ZONES)
    assert total == pytest.approx(AREA_OF_THE_CITY_KM2, abs=0.05)


@pytest.mark.skipif(not SOURCE.is_file(), reason="needs the shared district file beside the clone")
def test_districts_are_the_facts_of_the_source() -> None:
    with SOURCE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 96
    for row, zone in zip(rows, zones.ZONES, strict=True):
        assert int(row["district_code"]) == zone.zone_id
        assert row["district_acronym"] == zone.acronym
        assert row["district_name"] == plain(zone.name)
        assert row["subprefecture"] == plain(zone.subprefecture)
        assert float(row["centroid_latitude_deg"]) == zone.lat
        assert float(row["centroid_longitude_deg"]) == zone.lon
        assert float(row["area_km2"]) == zone.area_km2


def test_every_zone_has_cells_and_every_cell_one_zone() -> None:
    counts = Counter(zones.zone_cells().values())
    assert set(counts) == set(zones.ZONE_BY_ID)
    assert {zone.zone_id: zone.cell_count for zone in zones.ZONES} == counts
    assert min(counts.values()) == 3
    assert len(zones.zone_cells()) == 2312
    assert all(h3.get_resolution(cell) == 8 for cell in zones.zone_cells())


def test_the_service_area_covers_the_city_and_a_rim() -> None:
    area_km2 = sum(h3.cell_area(cell, "km^2") for cell in zones.service_area_cells())
    # The cut at 1.25 radii reaches beyond the border of the outer districts: 1,718 km2, 13 % more.
    assert area_km2 / AREA_OF_THE_CITY_KM2 == pytest.approx(1.132, abs=0.001)


def test_no_cell_lies_beyond_the_reach_of_its_district() -> None:
    for cell, zone_id in zones.zone_cells().items():
        zone = zones.ZONE_BY_ID[zone_id]
        distance_km = great_circle_m(zone.lat, zone.lon, *h3.cell_to_latlng(cell)) / 1000
        assert distance_km <= 1.25 * math.sqrt(zone.area_km2 / math.pi)


def test_nearly_every_centroid_lies_in_its_own_zone() -> None:
    """The rule gives Socorro's to Jardim São Luís, three times its size and 2.6 km away."""
    elsewhere = {z.name for z in zones.ZONES if zones.zone_at(z.lat, z.lon) != z.zone_id}
    assert elsewhere == {"Socorro"}


def test_look_ups_inside_and_outside() -> None:
    cell = zones.cell_at(-23.5468, -46.6309)
    assert zones.zone_of_cell(cell) == 78
    assert zones.ZONE_BY_ID[78].name == "Sé"
    assert zones.zone_at(40.7128, -74.006) is None
    assert zones.zone_of_cell("no cell") is None
    with pytest.raises(ValueError, match="no cell at lat=nan, lon=0: both must be finite degrees"):
        zones.cell_at(math.nan, 0)


def test_the_committed_cells_are_those_of_the_rule() -> None:
    assert dict(zones.zone_cells()) == generate.cells_by_zone(districts())


def test_of_two_districts_with_the_same_value_the_smaller_code_wins() -> None:
    twins = [District(code, "X", "X", "X", -23.55, -46.63, 4.0) for code in (8, 7)]
    assert set(generate.cells_by_zone(twins).values()) == {7}


def test_new_york_zone_ids() -> None:
    assert (min(zones.NYC_ZONE_IDS), max(zones.NYC_ZONE_IDS)) == (1, 265)
    assert set(zones.NYC_ZONE_IDS) >= zones.NYC_UNKNOWN_ZONE_IDS == {264, 265}


def test_outlines_are_closed_oriented_rings_that_cover_the_cells() -> None:
    collection = json.loads(polygons.zones_geojson())
    assert [feature["id"] for feature in collection["features"]] == list(range(1, 97))
    for feature in collection["features"]:
        area_m2 = 0.0
        for outer, *holes in feature["geometry"]["coordinates"]:
            assert signed_area_m2(outer) > 0
            assert all(signed_area_m2(hole) < 0 for hole in holes)
            area_m2 += sum(signed_area_m2(ring) for ring in (outer, *holes))
            assert all(ring[0] == ring[-1] and len(ring) >= 7 for ring in (outer, *holes))
        cells = [c for c, zone_id in zones.zone_cells().items() if zone_id == feature["id"]]
        expected_m2 = sum(h3.cell_area(cell, "m^2") for cell in cells)
        assert area_m2 == pytest.approx(expected_m2, rel=0.01)


def test_neighbours_share_their_border_vertex_by_vertex() -> None:
    collection = json.loads(polygons.zones_geojson())
    edges: Counter[tuple[tuple[float, float], tuple[float, float]]] = Counter()
    for feature in collection["features"]:
        for polygon in feature["geometry"]["coordinates"]:
            for ring in polygon:
                points = [tuple(point) for point in ring]
                edges.update(pairwise(points))
    shared = [edge for edge in edges if (edge[1], edge[0]) in edges]
    assert max(edges.values()) == 1, "an edge belongs to two zones on the same side: they overlap"
    assert len(shared) > len(edges) / 2


def signed_area_m2(ring: list[list[float]]) -> float:
    """Return the area of a small ring on a plane, positive where it runs counter-clockwise."""
    metres = 6_371_008.8 * math.pi / 180
    scale = math.cos(math.radians(ring[0][1]))
    points = [(lon * metres * scale, lat * metres) for lon, lat in ring]
    pairs = pairwise(points)
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs) / 2
