"""What multiplier a zone has.

The shared rule on the city's own counts, what a service outside says, or none at all.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from contracts.rules import (
    SURGE_SLIDES_PER_WINDOW,
    smoothed_ratio,
    surge_multiplier,
    surge_ratio,
)


class ZoneCounts(NamedTuple):
    """Demand and supply of one zone at one instant."""

    open_requests: int
    idle_drivers: int


class SurgePolicy(Protocol):
    """Turns counts, sampled at every slide, into multipliers."""

    def sample(self, counts: Mapping[int, ZoneCounts]) -> Mapping[int, float]:
        """Take the counts of this slide and return the multipliers above 1.0 by zone.

        Zones left out of the counts are empty.
        """


class FlatSurge:
    """No surge, ever."""

    def sample(self, counts: Mapping[int, ZoneCounts]) -> Mapping[int, float]:
        """Return no multipliers."""
        return {}


class ModelSurge:
    """The rule of `contracts.rules` over the last five minutes; a silent zone decays to 1.0."""

    def __init__(self) -> None:
        self._ratios: dict[int, deque[float]] = {}

    def sample(self, counts: Mapping[int, ZoneCounts]) -> Mapping[int, float]:
        """Return the multipliers after this slide."""
        for zone, zone_counts in counts.items():
            if zone_counts.open_requests and zone not in self._ratios:
                self._ratios[zone] = deque(maxlen=SURGE_SLIDES_PER_WINDOW)
        raised: dict[int, float] = {}
        for zone in sorted(self._ratios):
            ratios = self._ratios[zone]
            ratios.append(surge_ratio(*counts.get(zone, ZoneCounts(0, 0))))
            if not any(ratios):
                del self._ratios[zone]
                continue
            multiplier = surge_multiplier(smoothed_ratio(list(ratios)))
            if multiplier > 1.0:
                raised[zone] = multiplier
        return raised


class StreamedSurge:
    """What the platform's own stream last said of each zone, e.g. the job `surge`.

    Someone outside hands the values in between two steps; each is recorded with its simulated time
    there, so that the run can be repeated.
    """

    def __init__(self) -> None:
        self._multipliers: dict[int, float] = {}

    def receive(self, zone_id: int, multiplier: float) -> None:
        """Take a zone's newest multiplier."""
        self._multipliers.pop(zone_id, None)
        if multiplier > 1.0:
            self._multipliers[zone_id] = multiplier

    def sample(self, counts: Mapping[int, ZoneCounts]) -> Mapping[int, float]:
        """Return what was last received."""
        return dict(self._multipliers)
