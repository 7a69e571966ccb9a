"""When the next rider asks for a ride, and from where to where.

Time: a non-homogeneous Poisson process, drawn by thinning against the busiest hour; the rate runs
linearly between the weights of whole hours. Space: a zone's weight falls off exponentially with
its distance from the centre (Praça da Sé) and grows with the root of its area; the destination
follows a gravity model, weight times exp(-distance / scale).
"""

import math
from bisect import bisect_right
from itertools import accumulate
from typing import Final, Protocol

import numpy as np

from contracts.zones import ZONES, Zone
from sim.domain.geometry import distance_m
from sim.domain.scenario import Demand

CENTRE_LAT: Final = -23.5505
CENTRE_LON: Final = -46.6333
_HOUR_MS: Final = 3_600_000


def draw_zone(edges: list[float], rng: np.random.Generator) -> int:
    """Return the zone id on which a draw falls; `edges` are running sums, one per zone."""
    position = bisect_right(edges, rng.random() * edges[-1])
    return ZONES[min(position, len(ZONES) - 1)].zone_id


def running_sums(weights: tuple[float, ...]) -> list[float]:
    """Return the running sums of weights, for `draw_zone`."""
    return list(accumulate(weights))


def zone_weights(centre_scale_m: float, zones: tuple[Zone, ...] = ZONES) -> tuple[float, ...]:
    """Return the share of demand of each zone, adding up to 1; zones without cells get none."""
    raw = [
        math.sqrt(zone.area_km2)
        * math.exp(-distance_m(CENTRE_LAT, CENTRE_LON, zone.lat, zone.lon) / centre_scale_m)
        * bool(zone.cell_count)
        for zone in zones
    ]
    total = math.fsum(raw)
    return tuple(weight / total for weight in raw)


class DemandPolicy(Protocol):
    """Draws requests."""

    def next_request_ms(self, now_ms: int, rng: np.random.Generator) -> int:
        """Return when the next request comes, in epoch milliseconds, after `now_ms`."""

    def pickup_zone(self, rng: np.random.Generator) -> int:
        """Return the zone id of a pickup."""

    def dropoff_zone(self, pickup_zone_id: int, rng: np.random.Generator) -> int:
        """Return the zone id of a dropoff."""


class PoissonGravityDemand:
    """The demand described above."""

    def __init__(self, demand: Demand, utc_offset_hours: int) -> None:
        self._hourly = demand.hourly_weights
        self._offset_ms = utc_offset_hours * _HOUR_MS
        self._peak_weight = max(demand.hourly_weights)
        self._peak_gap_ms = _HOUR_MS / demand.peak_requests_per_hour
        weights = zone_weights(demand.centre_scale_m)
        self._pickup_edges = running_sums(weights)
        self._position = {zone.zone_id: position for position, zone in enumerate(ZONES)}
        self._dropoff_edges = [
            running_sums(
                tuple(
                    weight
                    * math.exp(
                        -distance_m(origin.lat, origin.lon, zone.lat, zone.lon)
                        / demand.gravity_scale_m
                    )
                    for weight, zone in zip(weights, ZONES, strict=True)
                )
            )
            for origin in ZONES
        ]

    def rate_ratio(self, epoch_ms: int) -> float:
        """Return the rate at an instant over the rate of the busiest hour."""
        hours = (epoch_ms + self._offset_ms) / _HOUR_MS
        hour = math.floor(hours)
        share = hours - hour
        here, there = self._hourly[hour % 24], self._hourly[(hour + 1) % 24]
        return (here * (1.0 - share) + there * share) / self._peak_weight

    def next_request_ms(self, now_ms: int, rng: np.random.Generator) -> int:
        """Return when the next request comes."""
        moment = float(now_ms)
        while True:
            moment += rng.exponential(self._peak_gap_ms)
            if rng.random() < self.rate_ratio(int(moment)):
                return max(now_ms + 1, round(moment))

    def pickup_zone(self, rng: np.random.Generator) -> int:
        """Return the zone id of a pickup, by the weights of the zones."""
        return draw_zone(self._pickup_edges, rng)

    def dropoff_zone(self, pickup_zone_id: int, rng: np.random.Generator) -> int:
        """Return the zone id of a dropoff, by gravity seen from the pickup's zone."""
        return draw_zone(self._dropoff_edges[self._position[pickup_zone_id]], rng)
