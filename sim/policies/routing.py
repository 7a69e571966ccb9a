"""How to get from one point to another: points on the way and when each is reached.

`grid` walks along streets that run east-west and north-south, as a staircase of up to three steps,
and takes the variant that stays inside the service area longest; traffic is slower towards the
centre. `straight` goes as the crow flies and counts a detour. Real streets come from a service:
`sim.services.osrm`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, Protocol

from contracts.zones import ZONES, zone_at
from sim.domain.geometry import distance_m, quantise_degrees

MAX_POINTS: Final = 8
_STEP_M: Final = 1500.0
_PROBE_M: Final = 1000.0
_BLOCKS_PER_DEGREE: Final = 500
_SLOW_CENTRE_M: Final = 6000.0
_MS_PER_HOUR_OVER_M_PER_KM: Final = 3600.0

Path = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A way with times relative to its start; the last time is the duration.

    `points` are (lat, lon) in degrees, at most `MAX_POINTS`; `at_ms` rises strictly.
    """

    points: Path
    at_ms: tuple[int, ...]
    distance_mm: int

    @property
    def duration_ms(self) -> int:
        """Time from the first point to the last."""
        return self.at_ms[-1]


class RoutingPolicy(Protocol):
    """Finds a way."""

    def route(
        self, start: tuple[float, float], end: tuple[float, float], speed_kmh: float
    ) -> Route:
        """Return the way between two (lat, lon) points at a mean speed."""


class StraightRouting:
    """A straight line, as long as the line times the detour ratio."""

    def __init__(self, detour_ratio: float) -> None:
        self._detour_ratio = detour_ratio

    def route(
        self, start: tuple[float, float], end: tuple[float, float], speed_kmh: float
    ) -> Route:
        """Return the straight way."""
        return timed((start, end), speed_kmh, self._detour_ratio)


def zone_speed_ratios(centre_speed_ratio: float, centre: tuple[float, float]) -> dict[int, float]:
    """Return how fast each zone is: the given ratio in the centre, 1 far out.

    Between them 1 + (ratio - 1) * exp(-distance / 6 km), rounded to 0.001.
    """
    return {
        zone.zone_id: round(
            1.0
            + (centre_speed_ratio - 1.0)
            * math.exp(-distance_m(*centre, zone.lat, zone.lon) / _SLOW_CENTRE_M),
            3,
        )
        for zone in ZONES
    }


class GridRouting:
    """A staircase of streets. Each leg is as fast as the zone in which it ends."""

    def __init__(self, speed_ratio_by_zone: Mapping[int, float] | None = None) -> None:
        self._speed_ratio_by_zone = speed_ratio_by_zone or {}

    def route(
        self, start: tuple[float, float], end: tuple[float, float], speed_kmh: float
    ) -> Route:
        """Return the staircase with the fewest probes outside the service area.

        The first wins a tie.
        """
        direct_m = distance_m(*start, *end)
        steps = max(1, min(3, round(direct_m / _STEP_M)))
        path = _staircase(start, end, steps, east_first=True)
        if outside := _probes_outside(path):
            other = _staircase(start, end, steps, east_first=False)
            path = other if _probes_outside(other) < outside else path
        ratios = self._speed_ratio_by_zone
        if not ratios:
            return timed(path, speed_kmh, 1.0)
        speeds = [speed_kmh * ratios.get(zone_at(*end) or 0, 1.0) for end in path[1:]]
        return timed(path, speeds, 1.0)


def _staircase(
    start: tuple[float, float], end: tuple[float, float], steps: int, east_first: bool
) -> Path:
    lat, lon = start
    path = [start]
    for step in range(1, steps + 1):
        share = step / steps
        next_lat = quantise_degrees(start[0] + (end[0] - start[0]) * share)
        next_lon = quantise_degrees(start[1] + (end[1] - start[1]) * share)
        path.append((lat, next_lon) if east_first else (next_lat, lon))
        path.append((next_lat, next_lon))
        lat, lon = next_lat, next_lon
    return tuple(path)


def _probes_outside(path: Path) -> int:
    outside = 0
    for a, b in pairwise(path):
        probes = int(distance_m(*a, *b) / _PROBE_M) + 1
        for probe in range(1, probes + 1):
            share = probe / probes
            outside += _is_outside(
                round((a[0] + (b[0] - a[0]) * share) * _BLOCKS_PER_DEGREE),
                round((a[1] + (b[1] - a[1]) * share) * _BLOCKS_PER_DEGREE),
            )
    return outside


@cache
def _is_outside(north: int, east: int) -> bool:
    """Return whether the middle of a block of 220 by 200 m lies outside the service area."""
    return zone_at(north / _BLOCKS_PER_DEGREE, east / _BLOCKS_PER_DEGREE) is None


def timed(path: Path, speed_kmh: float | list[float], detour_ratio: float) -> Route:
    """Return a path with the times at which its points are reached.

    Args:
        path: Points from start to end, at most `MAX_POINTS`.
        speed_kmh: One speed, or one per leg.
        detour_ratio: Way driven over the length of the path.
    """
    speeds = speed_kmh if isinstance(speed_kmh, list) else [speed_kmh] * (len(path) - 1)
    points = [path[0]]
    at_ms = [0]
    metres = elapsed_ms = 0.0
    for (a, b), kmh in zip(pairwise(path), speeds, strict=True):
        leg_m = distance_m(*a, *b) * detour_ratio
        metres += leg_m
        elapsed_ms += leg_m / kmh * _MS_PER_HOUR_OVER_M_PER_KM
        reached_ms = round(elapsed_ms)
        if reached_ms > at_ms[-1]:
            points.append(b)
            at_ms.append(reached_ms)
    if points[-1] != path[-1]:
        points.append(path[-1])
        at_ms.append(at_ms[-1] + 1)
    return Route(tuple(points), tuple(at_ms), round(metres * 1000))
