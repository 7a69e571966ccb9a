"""Where a driver who waits for work goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from contracts.events import DriverDna
from contracts.zones import ZONES
from sim.domain.geometry import distance_m
from sim.policies.demand import DemandPolicy

_SURGE_RANGE_M: Final = 8000.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a waiting driver knows: where, when, and what the zones pay above 1.0."""

    zone_id: int | None
    home_zone_id: int
    at_ms: int
    multipliers: Mapping[int, float]


class RepositioningPolicy(Protocol):
    """Decides whether an idle driver moves."""

    def target_zone(self, dna: DriverDna, outlook: Outlook, rng: np.random.Generator) -> int | None:
        """Return the zone to drive to, None to stay."""


class Stay:
    """Nobody moves without a trip."""

    def target_zone(self, dna: DriverDna, outlook: Outlook, rng: np.random.Generator) -> int | None:
        """Return None."""
        return None


class ZonePull:
    """As often as the driver's DNA says, to a zone that demand draws.

    From outside all zones always home.
    """

    def __init__(self, demand: DemandPolicy) -> None:
        self._demand = demand

    def target_zone(self, dna: DriverDna, outlook: Outlook, rng: np.random.Generator) -> int | None:
        """Return a zone near the driver that riders like, or None."""
        if outlook.zone_id is None:
            return outlook.home_zone_id
        if rng.random() >= dna.repositioning_ratio:
            return None
        return self._demand.dropoff_zone(outlook.zone_id, outlook.at_ms, rng)


class SurgePull:
    """To the zone that pays most within 8 km, the nearest of those; without one like `ZonePull`."""

    def __init__(self, demand: DemandPolicy) -> None:
        self._otherwise = ZonePull(demand)

    def target_zone(self, dna: DriverDna, outlook: Outlook, rng: np.random.Generator) -> int | None:
        """Return a zone that surges, or what `ZonePull` says."""
        here = next((zone for zone in ZONES if zone.zone_id == outlook.zone_id), None)
        if here is None or rng.random() >= dna.repositioning_ratio:
            return self._otherwise.target_zone(dna, outlook, rng)
        offers = []
        for zone in ZONES:
            multiplier = outlook.multipliers.get(zone.zone_id, 1.0)
            away_m = distance_m(here.lat, here.lon, zone.lat, zone.lon)
            if multiplier > 1.0 and away_m <= _SURGE_RANGE_M:
                offers.append((-multiplier, away_m, zone.zone_id))
        if not offers:
            return self._otherwise.target_zone(dna, outlook, rng)
        return min(offers)[2]
