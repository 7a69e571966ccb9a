import math

import numpy as np
import pytest

from sim.domain import geometry

SE = (-23.5505, -46.6333)
PAULISTA = (-23.5614, -46.6559)


def _haversine_m(lat_a, lon_a, lat_b, lon_b):
    a, b = math.radians(lat_a), math.radians(lat_b)
    h = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    )
    return 2 * 6_371_000.0 * math.asin(math.sqrt(h))


def test_distance_agrees_with_the_sphere():
    expected = _haversine_m(*SE, *PAULISTA)
    assert geometry.distance_m(*SE, *PAULISTA) == pytest.approx(expected, rel=0.002)


def test_vectorised_distances_equal_the_single_ones():
    lats, lons = np.array([SE[0], PAULISTA[0]]), np.array([SE[1], PAULISTA[1]])
    assert geometry.distances_m(*SE, lats, lons).tolist() == [
        0.0,
        geometry.distance_m(*SE, *PAULISTA),
    ]


@pytest.mark.parametrize(
    ("north", "east", "heading"), [(100, 0, 0), (0, 100, 90), (-100, 0, 180), (0, -100, 270)]
)
def test_heading_is_clockwise_from_north(north, east, heading):
    target = geometry.offset(*SE, north, east)
    assert geometry.heading_deg(*SE, *target) == pytest.approx(heading, abs=0.1)


def test_heading_stays_below_360():
    target = geometry.offset(*SE, 1000, -0.01)
    assert 0 <= geometry.heading_deg(*SE, *target) < 360


def test_offset_goes_as_far_as_it_says_and_is_quantised():
    target = geometry.offset(*SE, 300, 400)
    assert geometry.distance_m(*SE, *target) == pytest.approx(500, abs=0.05)
    assert target == tuple(geometry.quantise_degrees(value) for value in target)
