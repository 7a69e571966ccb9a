"""Formulas and constants with one home. Golden vectors live beside this file in `rules_vectors/`.

Flink, Trino and the simulator are each tested against the same vectors.
"""

import math
from typing import Final

SURGE_SLIDE_MS: Final = 10_000
SURGE_WINDOW_MS: Final = 300_000
SURGE_SLIDES_PER_WINDOW: Final = SURGE_WINDOW_MS // SURGE_SLIDE_MS
SURGE_SLOPE: Final = 0.5
SURGE_CAP: Final = 3.0
SURGE_RULE_VERSION: Final = 1
SURGE_OUT_OF_ORDERNESS_MS: Final = 15_000
"""How far behind the newest event of its partition an event may come and still count."""
GPS_OUT_OF_ORDERNESS_MS: Final = 15_000
"""How far behind the newest event of its partition a ping may come and still count."""
GPS_WINDOW_MS: Final = 60_000
GPS_LEG_LIMIT_MS: Final = 120_000
"""Pings farther apart in time are no leg: where the driver was meanwhile is unknown."""
REGION_OUT_OF_ORDERNESS_MS: Final = 300_000
REGION_WINDOW_MS: Final = 60_000
TRIP_TIMEOUT_MS: Final = 4 * 3600 * 1000
"""Event time from a taxi trip's oldest part until it is given out with what is missing."""
TRIP_MEMORY_MS: Final = 26 * 3600 * 1000
"""Event time for which the parts of a taxi trip may lie apart: a shift and a day's disorder."""
IMPOSSIBLE_SPEED_KMH: Final = 200.0
EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius of the Earth, (2a + b) / 3, as the IUGG defines it."""


def surge_ratio(open_requests: int, idle_drivers: int) -> float:
    """Return demand over supply of one zone at one instant: open_requests / max(1, idle_drivers).

    Raises:
        ValueError: A count is negative.
    """
    if open_requests < 0 or idle_drivers < 0:
        raise ValueError(f"counts must not be negative: {open_requests=}, {idle_drivers=}")
    return open_requests / max(1, idle_drivers)


def smoothed_ratio(ratios: tuple[float, ...] | list[float]) -> float:
    """Return the mean of the ratios sampled at each slide of one window.

    Slides without a sample count as 0.

    Args:
        ratios: At most `SURGE_SLIDES_PER_WINDOW` samples, oldest first.

    Raises:
        ValueError: There are more samples than slides in a window.
    """
    if len(ratios) > SURGE_SLIDES_PER_WINDOW:
        raise ValueError(f"{len(ratios)} samples in a window of {SURGE_SLIDES_PER_WINDOW}")
    return round(sum(ratios) / SURGE_SLIDES_PER_WINDOW, 9)


def surge_multiplier(smoothed: float) -> float:
    """Return the price multiplier: 1 + slope * max(0, ratio - 1), to 0.1, within [1.0, cap].

    Rounded half up. Monotone in demand. The input is rounded to nine decimals by
    `smoothed_ratio`, so that an exact tie does not depend on the order of a sum.

    Source: design of the surge rule, docs/decisions.
    """
    raw = 1.0 + SURGE_SLOPE * max(0.0, smoothed - 1.0)
    tenths = int(raw * 10.0 + 0.5 + 1e-9)
    return min(max(tenths / 10.0, 1.0), SURGE_CAP)


def great_circle_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the great-circle distance of two points in metres.

    Args:
        lat1: Degrees north of the first point.
        lon1: Degrees east of the first point.
        lat2: Degrees north of the second point.
        lon2: Degrees east of the second point.

    Source: haversine formula (Sinnott, Sky & Telescope 68, 1984) on a sphere of the mean Earth
    radius (IUGG, R1 of GRS 80).
    """
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half_phi = math.sin((phi2 - phi1) / 2.0)
    half_lambda = math.sin(math.radians(lon2 - lon1) / 2.0)
    chord = half_phi * half_phi + math.cos(phi1) * math.cos(phi2) * half_lambda * half_lambda
    return 2.0 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))


def speed_kmh(distance_m: float, elapsed_ms: int) -> float:
    """Return the mean speed over a distance in km/h, infinite for a distance in no time.

    Args:
        distance_m: Metres, not negative.
        elapsed_ms: Event time between the two points, not negative; zero with zero distance is
            standing still.

    Raises:
        ValueError: An argument is negative.
    """
    if distance_m < 0 or elapsed_ms < 0:
        raise ValueError(f"distance and time must not be negative: {distance_m=}, {elapsed_ms=}")
    if elapsed_ms == 0:
        return math.inf if distance_m > 0 else 0.0
    return distance_m * 3600.0 / elapsed_ms


def leg_m(lat1: float, lon1: float, lat2: float, lon2: float, elapsed_ms: int) -> float:
    """Return the metres driven between two consecutive pings of one driver.

    None are counted over a gap longer than `GPS_LEG_LIMIT_MS` or faster than
    `IMPOSSIBLE_SPEED_KMH`: there the straight line says nothing.

    Raises:
        ValueError: The time is negative.
    """
    distance_m = great_circle_m(lat1, lon1, lat2, lon2)
    if elapsed_ms > GPS_LEG_LIMIT_MS or speed_kmh(distance_m, elapsed_ms) > IMPOSSIBLE_SPEED_KMH:
        return 0.0
    return distance_m


def is_impossible_speed(
    lat1: float, lon1: float, lat2: float, lon2: float, elapsed_ms: int
) -> bool:
    """Return whether a move between two points is faster than `IMPOSSIBLE_SPEED_KMH`.

    Raises:
        ValueError: The time is negative.
    """
    return speed_kmh(great_circle_m(lat1, lon1, lat2, lon2), elapsed_ms) > IMPOSSIBLE_SPEED_KMH
