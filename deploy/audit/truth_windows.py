"""The windows of the surge job as the truth has them, computed from the ledger alone.

A second implementation on purpose: from the job it takes nothing but the formula in
`contracts.rules`. A request is open from its first waiting state until its first other one; a
driver counts where the newest status says `available`. Both are sampled at each tick.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from contracts.events import UNMATCHED_STATES, DriverStatus
from contracts.live import ZoneMetrics
from contracts.rules import (
    SURGE_SLIDE_MS,
    SURGE_SLIDES_PER_WINDOW,
    SURGE_WINDOW_MS,
    smoothed_ratio,
    surge_multiplier,
    surge_ratio,
)
from deploy.audit.ledger import Status, Transition

Interval = tuple[int, int, int]
"""Zone, and the first instant and the first one after, in epoch ms."""
Key = tuple[int, int]
"""Zone, and end of the window in epoch ms."""
_FOREVER: Final = 1 << 60


def tick_at_or_after(instant_ms: int) -> int:
    """Return the number of the first tick that sees an event of this instant."""
    return -(-instant_ms // SURGE_SLIDE_MS)


def open_intervals(transitions: Iterable[Transition]) -> list[Interval]:
    """Return when and where each request waited for a driver."""
    opened: dict[str, int] = {}
    closed: dict[str, int] = {}
    zones: dict[str, int | None] = {}
    for change in transitions:
        ends = opened if change.state in UNMATCHED_STATES else closed
        ends[change.trip_id] = min(ends.get(change.trip_id, _FOREVER), change.event_time_ms)
        zones[change.trip_id] = change.pickup_zone_id
    found = []
    for trip, first_ms in opened.items():
        zone = zones[trip]
        if zone is not None:
            found.append((zone, first_ms, closed.get(trip, _FOREVER)))
    return found


def idle_intervals(statuses: Iterable[Status]) -> list[Interval]:
    """Return when and where each driver was available."""
    found = []
    ordered = sorted(statuses, key=lambda s: (s.driver_id, s.event_time_ms, s.event_id))
    for place, status in enumerate(ordered):
        if status.status != DriverStatus.AVAILABLE or status.zone_id is None:
            continue
        follower = ordered[place + 1] if place + 1 < len(ordered) else None
        is_same = follower is not None and follower.driver_id == status.driver_id
        until_ms = follower.event_time_ms if follower is not None and is_same else _FOREVER
        found.append((status.zone_id, status.event_time_ms, until_ms))
    return found


def expected_windows(
    transitions: Iterable[Transition], statuses: Iterable[Status], until_ms: int, run_id: str
) -> dict[Key, ZoneMetrics]:
    """Return every window that a run without late records gives out, by zone and end.

    Args:
        transitions: All state changes of trips.
        statuses: All changes of driver status.
        until_ms: Where the watermark stands: the last instant a tick may have.
        run_id: Goes into the records.
    """
    requests, drivers = open_intervals(transitions), idle_intervals(statuses)
    if not requests and not drivers:
        return {}
    first = min(tick_at_or_after(start) for _, start, _ in (*requests, *drivers))
    last = until_ms // SURGE_SLIDE_MS
    if last < first:
        return {}
    zones = sorted({zone for zone, _, _ in (*requests, *drivers)})
    row = {zone: number for number, zone in enumerate(zones)}
    shape = (len(zones), last - first + 1)
    open_counts = _sampled(requests, row, first, shape)
    idle_counts = _sampled(drivers, row, first, shape)
    found: dict[Key, ZoneMetrics] = {}
    for zone in zones:
        found |= _of_zone(zone, open_counts[row[zone]], idle_counts[row[zone]], first, run_id)
    return found


def _sampled(
    intervals: list[Interval], row: dict[int, int], first: int, shape: tuple[int, int]
) -> npt.NDArray[np.int64]:
    steps = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    for zone, start_ms, end_ms in intervals:
        start = min(tick_at_or_after(start_ms) - first, shape[1])
        end = min(tick_at_or_after(end_ms) - first, shape[1])
        if start < end:
            steps[row[zone], start] += 1
            steps[row[zone], end] -= 1
    return steps.cumsum(axis=1)[:, :-1]


def _of_zone(
    zone: int,
    open_counts: npt.NDArray[np.int64],
    idle_counts: npt.NDArray[np.int64],
    first: int,
    run_id: str,
) -> dict[Key, ZoneMetrics]:
    ratios = [
        surge_ratio(waiting, idle)
        for waiting, idle in zip(open_counts.tolist(), idle_counts.tolist(), strict=True)
    ]
    found: dict[Key, ZoneMetrics] = {}
    was_at_rest = True
    for tick, ratio in enumerate(ratios):
        smoothed = smoothed_ratio(ratios[max(0, tick + 1 - SURGE_SLIDES_PER_WINDOW) : tick + 1])
        waiting, idle = int(open_counts[tick]), int(idle_counts[tick])
        is_at_rest = waiting == 0 and idle == 0 and smoothed == 0.0
        if not (is_at_rest and was_at_rest):
            end_ms = (first + tick) * SURGE_SLIDE_MS
            found[zone, end_ms] = ZoneMetrics(
                zone_id=zone,
                window_start_ms=end_ms - SURGE_WINDOW_MS,
                window_end_ms=end_ms,
                open_requests=waiting,
                idle_drivers=idle,
                ratio=ratio,
                smoothed_ratio=smoothed,
                multiplier=surge_multiplier(smoothed),
                late_records=0,
                run_id=run_id,
            )
        was_at_rest = is_at_rest
    return found
