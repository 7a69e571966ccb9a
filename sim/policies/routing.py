"""How to get from one point to another: points on the way and when each is reached.

`grid` walks along streets that run east-west and north-south, as a staircase of up to three steps,
and takes the variant that stays inside the service area longest. `straight` goes as the crow flies
and counts a detour.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from contracts.zones import zone_at
from sim.domain.geometry import distance_m, quantise_degrees

MAX_POINTS: Final = 8
_STEP_M: Final = 1500.0
_PROBE_M: Final = 600.0
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
        return _timed((start, end), speed_kmh, self._detour_ratio)


class GridRouting:
    """A staircase of streets."""

    def route(
        self, start: tuple[float, float], end: tuple[float, float], speed_kmh: float
    ) -> Route:
        """Return the staircase with the fewest probes outside the service area.

        The first wins a tie.
        """
        direct_m = distance_m(*start, *end)
        steps = max(1, min(3, round(direct_m / _STEP_M)))
        variants = [_staircase(start, end, steps, east_first) for east_first in (True, False)]
        outside = [_probes_outside(path) for path in variants]
        return _timed(variants[outside.index(min(outside))], speed_kmh, 1.0)


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
            outside += zone_at(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) is None
    return outside


def _timed(path: Path, speed_kmh: float, detour_ratio: float) -> Route:
    points = [path[0]]
    at_ms = [0]
    metres = 0.0
    for a, b in pairwise(path):
        metres += distance_m(*a, *b) * detour_ratio
        reached_ms = round(metres / speed_kmh * _MS_PER_HOUR_OVER_M_PER_KM)
        if reached_ms > at_ms[-1]:
            points.append(b)
            at_ms.append(reached_ms)
    if points[-1] != path[-1]:
        points.append(path[-1])
        at_ms.append(at_ms[-1] + 1)
    return Route(tuple(points), tuple(at_ms), round(metres * 1000))
