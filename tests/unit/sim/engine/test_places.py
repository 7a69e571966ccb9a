import numpy as np
import pytest

from contracts.zones import ZONES, cell_at
from sim.domain.geometry import quantise_degrees
from sim.engine.places import random_place


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone.cell_count], ids=lambda z: z.name)
def test_random_places_lie_in_their_zone(zone):
    rng = np.random.default_rng(zone.zone_id)
    for _ in range(30):
        place = random_place(zone.zone_id, rng)
        assert place.zone_id == zone.zone_id
        assert place.h3 == cell_at(place.lat, place.lon)
        assert (place.lat, place.lon) == (quantise_degrees(place.lat), quantise_degrees(place.lon))
