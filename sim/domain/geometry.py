"""Distances and directions on the city's scale.

One city spans half a degree, so a plane tangent at its middle is exact to 0.2 %. Arrays use + - *
/ and sqrt only: these are rounded the same on every processor, transcendental functions are not.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

METRES_PER_DEGREE_LATITUDE: Final = 111_195.0
REFERENCE_LATITUDE_DEG: Final = -23.6
METRES_PER_DEGREE_LONGITUDE: Final = METRES_PER_DEGREE_LATITUDE * math.cos(
    math.radians(REFERENCE_LATITUDE_DEG)
)
DEGREE_QUANTUM: Final = 10_000_000  # steps per degree: 1e-7 degrees are about one centimetre


def quantise_degrees(value: float) -> float:
    """Return degrees rounded to 1e-7, the resolution of all state."""
    return round(value * DEGREE_QUANTUM) / DEGREE_QUANTUM


def distance_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Return the straight distance in metres between two points of the city."""
    north = (lat_b - lat_a) * METRES_PER_DEGREE_LATITUDE
    east = (lon_b - lon_a) * METRES_PER_DEGREE_LONGITUDE
    return math.sqrt(north * north + east * east)


def distances_m(lat: float, lon: float, lats: Floats, lons: Floats) -> Floats:
    """Return the straight distances in metres from one point to others, shape (n,)."""
    north = (lats - lat) * METRES_PER_DEGREE_LATITUDE
    east = (lons - lon) * METRES_PER_DEGREE_LONGITUDE
    return np.sqrt(north * north + east * east)


def heading_deg(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Return the direction from a to b in degrees clockwise from north, rounded to 0.1.

    It is 0 where the points coincide.
    """
    north = (lat_b - lat_a) * METRES_PER_DEGREE_LATITUDE
    east = (lon_b - lon_a) * METRES_PER_DEGREE_LONGITUDE
    return round(math.degrees(math.atan2(east, north)) % 360.0, 1) % 360.0


def offset(lat: float, lon: float, north_m: float, east_m: float) -> tuple[float, float]:
    """Return the quantised point that lies so many metres north and east of another."""
    return (
        quantise_degrees(lat + north_m / METRES_PER_DEGREE_LATITUDE),
        quantise_degrees(lon + east_m / METRES_PER_DEGREE_LONGITUDE),
    )
