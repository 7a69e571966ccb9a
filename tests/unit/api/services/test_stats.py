"""Counts of one instant, and how often the store is asked for them."""

import asyncio

from api.services.stats import StatsService, summarise
from contracts.events import DriverStatus, EntityType
from contracts.live import Position, ZoneMetrics
from tests.integration.api.city import metrics, position


def test_counts_are_of_drivers_riders_zones_and_requests() -> None:
    positions = [
        position("a", 0, 0, driver_status=DriverStatus.AVAILABLE, event_time_ms=5),
        position("b", 0, 0, driver_status=DriverStatus.ON_TRIP, event_time_ms=9),
        position("c", 0, 0, driver_status=None),
        position("r", 0, 0, entity_type=EntityType.RIDER, driver_status=None, event_time_ms=7),
    ]
    zones = [
        metrics(1, multiplier=1.0, open_requests=2),
        metrics(2, multiplier=1.1, open_requests=3),
    ]
    stats = summarise(positions, zones, {"positions": 12})
    assert stats.drivers_by_status["available"] == 1
    assert stats.drivers_by_status["on_trip"] == 1
    assert stats.drivers_by_status["unknown"] == 1
    assert set(stats.drivers_by_status) == {s.value for s in DriverStatus} | {"unknown"}
    assert (stats.driver_count, stats.rider_count, stats.position_count) == (3, 1, 4)
    assert (stats.zone_count, stats.surging_zone_count, stats.open_request_count) == (2, 1, 5)
    assert stats.newest_event_time_ms == max(p.event_time_ms for p in positions)
    assert stats.feeder == {"positions": 12}


def test_an_empty_city_has_no_newest_event() -> None:
    stats = summarise([], [], {})
    assert stats.newest_event_time_ms is None
    assert stats.driver_count == 0


class CountingStore:
    def __init__(self) -> None:
        self.reads = 0

    async def all_positions(self) -> list[Position]:
        self.reads += 1
        await asyncio.sleep(0)
        return []

    async def all_zone_metrics(self) -> list[ZoneMetrics]:
        return []

    async def counters(self) -> dict[str, int]:
        return {}


def test_askers_at_the_same_time_share_one_reading() -> None:
    async def ask() -> None:
        now_s = 100.0
        store = CountingStore()
        service = StatsService(store, clock=lambda: now_s)
        await asyncio.gather(*(service.now() for _ in range(50)))
        assert store.reads == 1
        now_s = 102.0
        await service.now()
        assert store.reads == 2

    asyncio.run(ask())
