"""Answers: how the last minutes were in a taxi region."""

from collections.abc import Collection
from typing import Protocol

from contracts.live import RegionWindow
from contracts.zones import NYC_ZONE_IDS


class UnknownRegionError(Exception):
    """No region has this id."""

    def __init__(self, region_id: int, known: Collection[int]) -> None:
        super().__init__(
            f"there is no region {region_id}: regions are {min(known)} to {max(known)}"
        )
        self.region_id = region_id


class WindowStore(Protocol):
    """What this service asks the store for."""

    async def region_windows(self, region_id: int, limit: int) -> list[RegionWindow]:
        """Return the newest windows of a region, newest first."""
        ...


class WindowService:
    """Newest windows of a region."""

    def __init__(self, store: WindowStore, regions: Collection[int] = NYC_ZONE_IDS) -> None:
        self._store = store
        self._regions = regions

    async def newest(self, region_id: int, limit: int) -> list[RegionWindow]:
        """Return at most `limit` windows, newest first; none is a valid answer for a quiet region.

        Raises:
            UnknownRegionError: There is no such region.
        """
        if region_id not in self._regions:
            raise UnknownRegionError(region_id, self._regions)
        return await self._store.region_windows(region_id, limit)
