"""Squares of the map in which no ping can be an outlier for its place, in a form that SQL can read.

H3 has no counterpart in SQL: with these the JVM passes over nearly all pings, and Python looks only
at those near or beyond the edge of the accepted area.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import h3

from contracts.anomalies import accepted_cells
from contracts.zones import CELL_RESOLUTION

TILES_PER_DEGREE: Final = 50
"""About 2.2 km north to south and 2.0 km west to east at São Paulo."""
Tile = tuple[int, int]
"""Row and column: degrees north and east times `TILES_PER_DEGREE`, rounded down."""


@dataclass(frozen=True, slots=True)
class TileMap:
    """A rectangle of tiles; `inner` has a 1 for each inner one, row by row, else a 0."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int
    inner: str

    def is_inner(self, lat: float, lon: float) -> bool:
        """Return whether a point lies in an inner tile; `consecutive_pings.sql` does the same."""
        row, column = tile_of(lat, lon)
        if not self.first_row <= row <= self.last_row:
            return False
        if not self.first_column <= column <= self.last_column:
            return False
        width = self.last_column - self.first_column + 1
        return self.inner[(row - self.first_row) * width + column - self.first_column] == "1"


def tile_of(lat: float, lon: float) -> Tile:
    """Return the tile of a point."""
    return math.floor(lat * TILES_PER_DEGREE), math.floor(lon * TILES_PER_DEGREE)


@cache
def tile_map() -> TileMap:
    """Return the tiles that touch accepted cells only."""
    accepted = accepted_cells()
    candidates = {tile_of(*h3.cell_to_latlng(cell)) for cell in accepted}
    inner = {tile for tile in candidates if _cells(tile) <= accepted}
    rows, columns = sorted({row for row, _ in inner}), sorted({column for _, column in inner})
    return TileMap(
        first_row=rows[0],
        last_row=rows[-1],
        first_column=columns[0],
        last_column=columns[-1],
        inner="".join(
            "1" if (row, column) in inner else "0"
            for row in range(rows[0], rows[-1] + 1)
            for column in range(columns[0], columns[-1] + 1)
        ),
    )


def _cells(tile: Tile) -> set[str]:
    """Return every cell that touches a tile."""
    south, west = (number / TILES_PER_DEGREE for number in tile)
    north, east = south + 1 / TILES_PER_DEGREE, west + 1 / TILES_PER_DEGREE
    square = h3.LatLngPoly([(south, west), (south, east), (north, east), (north, west)])
    return set(h3.h3shape_to_cells_experimental(square, CELL_RESOLUTION, contain="overlap"))
