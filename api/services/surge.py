"""Answers: where is demand above supply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from contracts.live import ZoneMetrics
from contracts.zones import ZONE_BY_ID, Zone


class UnknownZoneError(Exception):
    """No zone has this id.

    Attributes:
        zone_id: What was asked for.
        lowest: Smallest id there is.
        highest: Largest id there is.
    """

    def __init__(self, zone_id: int, lowest: int, highest: int) -> None:
        super().__init__(f"there is no zone {zone_id}: zones are {lowest} to {highest}")
        self.zone_id = zone_id
        self.lowest = lowest
        self.highest = highest


class SurgeStore(Protocol):
    """What this service asks the store for."""

    async def all_zone_metrics(self) -> list[ZoneMetrics]:
        """Return the newest window of every zone that has one, by zone."""
        ...

    async def zone_metrics(self, zone_id: int) -> ZoneMetrics | None:
        """Return the newest window of one zone, None if there is none yet."""
        ...


@dataclass(frozen=True, slots=True)
class ZoneSurge:
    """A zone and its newest window, None before the first."""

    zone: Zone
    metrics: ZoneMetrics | None


class SurgeService:
    """Newest surge by zone."""

    def __init__(self, store: SurgeStore, zones: Mapping[int, Zone] = ZONE_BY_ID) -> None:
        self._store = store
        self._zones = zones

    async def everywhere(self) -> list[ZoneSurge]:
        """Return every zone that has a window, by zone; windows of unknown zones are left out."""
        return [
            ZoneSurge(self._zones[metrics.zone_id], metrics)
            for metrics in await self._store.all_zone_metrics()
            if metrics.zone_id in self._zones
        ]

    async def of(self, zone_id: int) -> ZoneSurge:
        """Return one zone.

        Raises:
            UnknownZoneError: There is no such zone.
        """
        zone = self._zones.get(zone_id)
        if zone is None:
            raise UnknownZoneError(zone_id, min(self._zones), max(self._zones))
        return ZoneSurge(zone, await self._store.zone_metrics(zone_id))
