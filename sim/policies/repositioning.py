"""Where a driver who waits for work goes."""

from typing import Protocol

import numpy as np

from contracts.events import DriverDna
from sim.policies.demand import DemandPolicy


class RepositioningPolicy(Protocol):
    """Decides whether an idle driver moves."""

    def target_zone(
        self,
        dna: DriverDna,
        zone_id: int | None,
        home_zone_id: int,
        at_ms: int,
        rng: np.random.Generator,
    ) -> int | None:
        """Return the zone to drive to, None to stay."""


class Stay:
    """Nobody moves without a trip."""

    def target_zone(
        self,
        dna: DriverDna,
        zone_id: int | None,
        home_zone_id: int,
        at_ms: int,
        rng: np.random.Generator,
    ) -> int | None:
        """Return None."""
        return None


class ZonePull:
    """As often as the driver's DNA says, to a zone that demand draws.

    From outside all zones always home.
    """

    def __init__(self, demand: DemandPolicy) -> None:
        self._demand = demand

    def target_zone(
        self,
        dna: DriverDna,
        zone_id: int | None,
        home_zone_id: int,
        at_ms: int,
        rng: np.random.Generator,
    ) -> int | None:
        """Return a zone near the driver that riders like, or None."""
        if zone_id is None:
            return home_zone_id
        if rng.random() >= dna.repositioning_ratio:
            return None
        return self._demand.dropoff_zone(zone_id, at_ms, rng)
