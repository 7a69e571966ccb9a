"""When the next rider asks for a ride, and from where to where.

Time: a non-homogeneous Poisson process, drawn by thinning against its highest rate; the rate runs
linearly between the weights of whole hours, times a ratio per day of the week, times what shocks
add. Space: the weight of a zone falls off exponentially with its distance from the centre (Praça
da Sé) and grows with the root of its area; the residential part of it falls off more slowly, and
each hour mixes both. The destination follows a gravity model, weight times exp(-distance /
scale), the usual form of Wilson's entropy model (A. G. Wilson, Transportation Research 1, 1967).
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Final, Protocol

import numpy as np

from contracts.zones import ZONES, Zone
from sim.domain.geometry import distance_m
from sim.domain.scenario import Demand
from sim.domain.shocks import Shock, ShockCalendar

CENTRE_LAT: Final = -23.5505
CENTRE_LON: Final = -46.6333
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_EPOCH_WEEKDAY: Final = 3
"""1 January 1970 was a Thursday; Monday is 0."""

LEAST_SHARE: Final = 0.001
"""Least part of the dropoffs drawn for a zone that must be within reach of it."""

Weights = tuple[float, ...]
Mix = tuple[float, tuple[int, ...]]
"""Residential share of an hour and the positions of the shocks that hold: all that weights depend
on."""


def draw_zone(edges: list[float], rng: np.random.Generator) -> int:
    """Return the zone id on which a draw falls; `edges` are running sums, one per zone."""
    position = bisect_right(edges, rng.random() * edges[-1])
    return ZONES[min(position, len(ZONES) - 1)].zone_id


def running_sums(weights: Weights) -> list[float]:
    """Return the running sums of weights, for `draw_zone`."""
    return list(accumulate(weights))


def zone_weights(centre_scale_m: float, zones: tuple[Zone, ...] = ZONES) -> Weights:
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
    """Draws requests, and where people live and work. Times are epoch milliseconds."""

    def next_request_ms(self, now_ms: int, rng: np.random.Generator) -> int:
        """Return when the next request comes, after `now_ms`."""

    def pickup_zone(self, at_ms: int, rng: np.random.Generator) -> int:
        """Return the zone id of a pickup."""

    def dropoff_zone(self, pickup_zone_id: int, at_ms: int, rng: np.random.Generator) -> int:
        """Return the zone id of a dropoff."""

    def home_zone(self, rng: np.random.Generator) -> int:
        """Return the zone id of a rider's home."""

    def work_zone(self, home_zone_id: int, rng: np.random.Generator) -> int:
        """Return the zone id of the place where a rider who lives there works."""


class PoissonGravityDemand:
    """The demand described above."""

    def __init__(self, demand: Demand, utc_offset_hours: int, shocks: ShockCalendar) -> None:
        self._hourly = demand.hourly_weights
        self._daily = demand.weekday_ratios
        self._from_homes = demand.residential_pickup_share
        self._to_homes = demand.residential_dropoff_share
        self._offset_ms = utc_offset_hours * _HOUR_MS
        self._peak_weight = max(demand.hourly_weights)
        self._gravity_scale_m = demand.gravity_scale_m
        self._shocks = shocks
        self._centre = zone_weights(demand.centre_scale_m)
        self._homes = zone_weights(demand.residential_scale_m)
        self._position = {zone.zone_id: position for position, zone in enumerate(ZONES)}
        self._pickup_edges: dict[Mix, list[float]] = {}
        self._dropoff_edges: dict[tuple[Mix, int], list[float]] = {}
        self._highest_ratio = max(self._daily) * max(
            self._pickups((share, active))[-1]
            for share in sorted(set(self._from_homes))
            for active in shocks.combinations()
        )
        self._shortest_gap_ms = _HOUR_MS / (demand.peak_requests_per_hour * self._highest_ratio)

    def rate_ratio(self, epoch_ms: int) -> float:
        """Return the rate at an instant over `peak_requests_per_hour`."""
        local_ms = epoch_ms + self._offset_ms
        hours = local_ms / _HOUR_MS
        hour = math.floor(hours)
        share = hours - hour
        here, there = self._hourly[hour % 24], self._hourly[(hour + 1) % 24]
        day = self._daily[(local_ms // _DAY_MS + _EPOCH_WEEKDAY) % 7]
        shocked = self._pickups(self._mix(self._from_homes, epoch_ms))[-1]
        return (here * (1.0 - share) + there * share) / self._peak_weight * day * shocked

    def next_request_ms(self, now_ms: int, rng: np.random.Generator) -> int:
        """Return when the next request comes."""
        moment = float(now_ms)
        while True:
            moment += rng.exponential(self._shortest_gap_ms)
            if rng.random() * self._highest_ratio < self.rate_ratio(int(moment)):
                return max(now_ms + 1, round(moment))

    def pickup_zone(self, at_ms: int, rng: np.random.Generator) -> int:
        """Return the zone id of a pickup, by the weights of the zones."""
        return draw_zone(self._pickups(self._mix(self._from_homes, at_ms)), rng)

    def dropoff_zone(self, pickup_zone_id: int, at_ms: int, rng: np.random.Generator) -> int:
        """Return the zone id of a dropoff, by gravity seen from the pickup's zone."""
        return draw_zone(self._dropoffs(self._mix(self._to_homes, at_ms), pickup_zone_id), rng)

    def home_zone(self, rng: np.random.Generator) -> int:
        """Return a zone by the weights of the homes."""
        return draw_zone(self._pickups((1.0, ())), rng)

    def work_zone(self, home_zone_id: int, rng: np.random.Generator) -> int:
        """Return a zone by gravity, weights of the centre."""
        return draw_zone(self._dropoffs((0.0, ()), home_zone_id), rng)

    def stranded(self, longest_trip_m: float) -> tuple[int, tuple[int, ...]] | None:
        """Return a zone with requests but hardly a dropoff within reach, and the shocks then.

        None where there is no such zone. Shocks are positions in the calendar; every one is taken
        with every hour. A zone is within reach if its middle is.
        """
        apart_m = np.array([[distance_m(a.lat, a.lon, b.lat, b.lon) for b in ZONES] for a in ZONES])
        pull = np.exp(-apart_m / self._gravity_scale_m)
        near_pull = pull * (apart_m <= longest_trip_m)
        shares = sorted(set(zip(self._from_homes, self._to_homes, strict=True)))
        for active in self._shocks.combinations():
            for from_homes, to_homes in shares:
                pickups = self._weights((from_homes, active), lambda shock: shock.request_ratio)
                dropoffs = np.array(
                    self._weights((to_homes, active), lambda shock: shock.attraction_ratio)
                )
                is_too_little = near_pull @ dropoffs <= LEAST_SHARE * (pull @ dropoffs)
                for zone, pickup, is_stranded in zip(ZONES, pickups, is_too_little, strict=True):
                    if pickup and is_stranded:
                        return zone.zone_id, active
        return None

    def _mix(self, share_by_hour: Weights, at_ms: int) -> Mix:
        hour = (at_ms + self._offset_ms) // _HOUR_MS % 24
        return share_by_hour[hour], self._shocks.active(at_ms)

    def _pickups(self, mix: Mix) -> list[float]:
        edges = self._pickup_edges.get(mix)
        if edges is None:
            edges = running_sums(self._weights(mix, lambda shock: shock.request_ratio))
            self._pickup_edges[mix] = edges
        return edges

    def _dropoffs(self, mix: Mix, origin_zone_id: int) -> list[float]:
        edges = self._dropoff_edges.get((mix, origin_zone_id))
        if edges is None:
            origin = ZONES[self._position[origin_zone_id]]
            weights = self._weights(mix, lambda shock: shock.attraction_ratio)
            edges = running_sums(
                tuple(
                    weight
                    * math.exp(
                        -distance_m(origin.lat, origin.lon, zone.lat, zone.lon)
                        / self._gravity_scale_m
                    )
                    for weight, zone in zip(weights, ZONES, strict=True)
                )
            )
            self._dropoff_edges[mix, origin_zone_id] = edges
        return edges

    def _weights(self, mix: Mix, factor: Callable[[Shock], float]) -> Weights:
        """Return one weight per zone; without shocks they add up to 1."""
        share, active = mix
        shocks = [self._shocks.shocks[position] for position in active]
        weights = []
        for zone, centre, home in zip(ZONES, self._centre, self._homes, strict=True):
            weight = centre * (1.0 - share) + home * share
            for shock in shocks:
                if shock.touches(zone.zone_id):
                    weight *= factor(shock)
            weights.append(weight)
        return tuple(weights)
