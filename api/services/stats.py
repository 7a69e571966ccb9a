"""Answers: how many, right now."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from contracts.events import DriverStatus, EntityType
from contracts.live import Position, ZoneMetrics

KEEP_S: Final = 1.0
"""How long an answer is given again: it reads every position, so askers share it."""


class StatsStore(Protocol):
    """What this service asks the store for."""

    async def all_positions(self) -> list[Position]:
        """Return the newest position of every entity."""
        ...

    async def all_zone_metrics(self) -> list[ZoneMetrics]:
        """Return the newest window of every zone."""
        ...

    async def counters(self) -> dict[str, int]:
        """Return the counters that the feeder keeps."""
        ...


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of one instant; `newest_event_time_ms` is None before the first position."""

    drivers_by_status: dict[str, int]
    driver_count: int
    rider_count: int
    position_count: int
    zone_count: int
    surging_zone_count: int
    open_request_count: int
    newest_event_time_ms: int | None
    feeder: dict[str, int]


def summarise(
    positions: list[Position], zones: list[ZoneMetrics], counters: dict[str, int]
) -> Stats:
    """Return the counts of these values; every driver status is named."""
    drivers = [p for p in positions if p.entity_type is EntityType.DRIVER]
    known = Counter(p.driver_status for p in drivers if p.driver_status is not None)
    by_status = {status.value: known[status] for status in DriverStatus}
    return Stats(
        drivers_by_status=by_status | {"unknown": len(drivers) - known.total()},
        driver_count=len(drivers),
        rider_count=len(positions) - len(drivers),
        position_count=len(positions),
        zone_count=len(zones),
        surging_zone_count=sum(zone.multiplier > 1.0 for zone in zones),
        open_request_count=sum(zone.open_requests for zone in zones),
        newest_event_time_ms=max((p.event_time_ms for p in positions), default=None),
        feeder=counters,
    )


class StatsService:
    """Counts, read at most once per `KEEP_S`."""

    def __init__(self, store: StatsStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._kept: tuple[float, Stats] | None = None

    async def now(self) -> Stats:
        """Return the counts, at most `KEEP_S` old."""
        async with self._lock:
            if self._kept is None or self._clock() - self._kept[0] > KEEP_S:
                stats = summarise(
                    await self._store.all_positions(),
                    await self._store.all_zone_metrics(),
                    await self._store.counters(),
                )
                self._kept = (self._clock(), stats)
            return self._kept[1]
