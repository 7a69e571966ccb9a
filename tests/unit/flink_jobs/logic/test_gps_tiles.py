"""Inside an inner tile nothing is an outlier, and nearly all of the city lies in one."""

import random

import h3
import pytest

from contracts.anomalies import outlier_reason
from contracts.zones import zone_cells
from flink_jobs.logic.gps_tiles import TILES_PER_DEGREE, tile_map, tile_of


def test_no_point_of_an_inner_tile_is_an_outlier() -> None:
    rng, tiles = random.Random(5), tile_map()
    width = tiles.last_column - tiles.first_column + 1
    inner = [position for position, mark in enumerate(tiles.inner) if mark == "1"]
    assert len(inner) > 400
    for position in rng.choices(inner, k=5_000):
        row, column = divmod(position, width)
        lat = (tiles.first_row + row + rng.random()) / TILES_PER_DEGREE
        lon = (tiles.first_column + column + rng.random()) / TILES_PER_DEGREE
        assert tiles.is_inner(lat, lon)
        assert outlier_reason(lat, lon, 1.0) is None


def test_nearly_all_of_the_city_lies_in_inner_tiles() -> None:
    inside = sum(tile_map().is_inner(*h3.cell_to_latlng(cell)) for cell in zone_cells())
    assert inside / len(zone_cells()) > 0.99


@pytest.mark.parametrize(
    ("lat", "lon"), [(0.0, 0.0), (-23.55, 46.63), (23.55, -46.63), (-90.0, -180.0), (90.0, 180.0)]
)
def test_nothing_beyond_the_map_is_inside(lat: float, lon: float) -> None:
    assert not tile_map().is_inner(lat, lon)


def test_tiles_round_down_on_both_sides_of_zero() -> None:
    assert tile_of(0.01, 0.01) == (0, 0)
    assert tile_of(-0.01, -0.01) == (-1, -1)
