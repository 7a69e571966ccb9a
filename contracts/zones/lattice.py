"""The cells of an area as a lattice that SQL can compute without a library.

Cells of one face of the icosahedron are the hexagons of a lattice in the plane of that face, seen
from the centre of the Earth. So the lattice coordinates of a point are ratios of linear functions
of its unit vector v: column = (m1 · v) / (m3 · v), row = (m2 · v) / (m3 · v), rounded to the
nearest hexagon. Four cells far apart determine the three vectors. Whether that is the rule of H3
for every point of the area is tested, not assumed.

Source: H3's documentation, "Coordinate systems" (IJ coordinates); the four-point form of a
projective map (Hartley and Zisserman, Multiple View Geometry, section 2.3).
"""

import math
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

import h3

Vector = tuple[float, float, float]
_DIGITS: Final = 10
"""Coordinates to a millionth of a cell, the same on every machine (their sines differ later)."""
_FAR_CELLS: Final = 400
"""How far around the area the four cells lie: 350 km, still on the face of São Paulo."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """An area as a table of ones and zeros over the lattice.

    Attributes:
        column, row, weight: The vectors m1, m2 and m3 of the module's formula.
        rows: One text per column, one character per row: 1 where the cell belongs to the area.
    """

    column: Vector
    row: Vector
    weight: Vector
    rows: tuple[str, ...]

    def place(self, lat: float, lon: float) -> tuple[int, int]:
        """Return column and row of the hexagon that a point (degrees) lies in."""
        phi, theta = math.radians(lat), math.radians(lon)
        point = (math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi))
        weight = _dot(self.weight, point)
        x, y = _dot(self.column, point) / weight, -_dot(self.row, point) / weight
        z = -x - y
        near_x, near_y, near_z = (math.floor(value + 0.5) for value in (x, y, z))
        off_x, off_y, off_z = abs(near_x - x), abs(near_y - y), abs(near_z - z)
        if off_x > off_y and off_x > off_z:
            near_x = -near_y - near_z
        elif off_y > off_z:
            near_y = -near_x - near_z
        return near_x, -near_y

    def contains(self, lat: float, lon: float) -> bool:
        """Return whether a point (degrees) within some hundred kilometres lies in the area."""
        column, row = self.place(lat, lon)
        if not (0 <= column < len(self.rows) and 0 <= row < len(self.rows[0])):
            return False
        return self.rows[column][row] == "1"


def lattice_of(cells: Set[str]) -> Lattice:
    """Return the lattice of an area of one resolution that lies within one face.

    Args:
        cells: H3 cells, at least one.
    """
    origin = min(cells)
    places = {h3.cell_to_local_ij(origin, cell) for cell in cells}
    left, right = (pick(column for column, _ in places) for pick in (min, max))
    low, high = (pick(row for _, row in places) for pick in (min, max))
    rows = tuple(
        "".join("1" if (column, row) in places else "0" for row in range(low, high + 1))
        for column in range(left, right + 1)
    )
    corners = (
        _vector(h3.local_ij_to_cell(origin, left + column, low + row))
        for row in (-_FAR_CELLS, _FAR_CELLS)
        for column in (-_FAR_CELLS, _FAR_CELLS)
    )
    return Lattice(*_inverse(*corners), rows)


def _inverse(
    origin: Vector, right: Vector, up: Vector, far: Vector
) -> tuple[Vector, Vector, Vector]:
    """Return m1, m2 and m3 from the cells that lie `_FAR_CELLS` from (0, 0) in both directions."""
    # Scaled so that far = right + up - origin, each lies where the plane of the face has it.
    volume = _volume(right, up, origin)
    right = _scaled(right, _volume(far, up, origin) / volume)
    up = _scaled(up, _volume(right, far, origin) / _volume(right, up, origin))
    origin = _scaled(origin, -_volume(right, up, far) / _volume(right, up, origin))
    across = _scaled(_minus(right, origin), 0.5 / _FAR_CELLS)
    along = _scaled(_minus(up, origin), 0.5 / _FAR_CELLS)
    origin = _scaled(_plus(right, up), 0.5)
    vectors = (_cross(along, origin), _cross(origin, across), _cross(across, along))
    length = math.copysign(math.sqrt(_dot(vectors[2], vectors[2])), _dot(vectors[2], origin))
    one, two, three = (_rounded(_scaled(vector, 1 / length)) for vector in vectors)
    return one, two, three


def _vector(cell: str) -> Vector:
    lat, lon = (math.radians(degrees) for degrees in h3.cell_to_latlng(cell))
    return (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _volume(a: Vector, b: Vector, c: Vector) -> float:
    return _dot(a, _cross(b, c))


def _minus(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _plus(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def _scaled(a: Vector, factor: float) -> Vector:
    return (a[0] * factor, a[1] * factor, a[2] * factor)


def _rounded(a: Vector) -> Vector:
    x, y, z = (float(f"{value:.{_DIGITS}g}") for value in a)
    return (x, y, z)
