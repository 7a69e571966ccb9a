"""The lattice of an area says of every point what H3 says."""

import random

import h3
import pytest

from contracts.anomalies import accepted_cells
from contracts.zones import cell_at
from contracts.zones.lattice import Lattice, lattice_of


@pytest.fixture(scope="module")
def area() -> Lattice:
    return lattice_of(accepted_cells())


def test_the_centre_of_every_cell_is_in_and_of_every_cell_around_it_out(area: Lattice) -> None:
    cells = accepted_cells()
    around = {near for cell in cells for near in h3.grid_disk(cell, 1)} - cells
    assert all(area.contains(*h3.cell_to_latlng(cell)) for cell in cells)
    assert around
    assert not any(area.contains(*h3.cell_to_latlng(cell)) for cell in around)


def test_random_points_in_and_around_the_area_are_judged_as_by_h3(area: Lattice) -> None:
    rng = random.Random(3)
    cells = accepted_cells()
    points = [(rng.uniform(-24.4, -23.0), rng.uniform(-47.3, -46.0)) for _ in range(50_000)]
    inside = [area.contains(*point) for point in points]
    assert inside == [cell_at(*point) in cells for point in points]
    assert 5_000 < sum(inside) < 45_000


def test_points_beside_the_edges_of_cells_fall_on_the_right_side(area: Lattice) -> None:
    cells = accepted_cells()
    for cell in sorted(cells)[::50]:
        lat, lon = h3.cell_to_latlng(cell)
        corners = h3.cell_to_boundary(cell)
        for one, other in zip(corners, corners[1:] + corners[:1], strict=True):
            edge_lat, edge_lon = (one[0] + other[0]) / 2, (one[1] + other[1]) / 2
            for share in (0.9999, 1.0001):
                point = lat + (edge_lat - lat) * share, lon + (edge_lon - lon) * share
                assert area.contains(*point) == (cell_at(*point) in cells), point


def test_an_area_of_one_cell_is_one_hexagon() -> None:
    cell = cell_at(-23.55, -46.63)
    area = lattice_of(frozenset({cell}))
    assert area.rows == ("1",)
    assert area.contains(*h3.cell_to_latlng(cell))
    assert not area.contains(-23.60, -46.63)
