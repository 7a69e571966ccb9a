"""Answers: who is in this part of the map."""

from typing import Final, Protocol

import msgspec

from contracts.live import Position, Viewport

MAX_SPAN_DEG: Final = 10.0
MAX_GEO_LATITUDE_DEG: Final = 85.0
"""The geo index of Redis ends at 85.05 degrees."""


class BadBoxError(ValueError):
    """The text is no bounding box that can be searched; the message says why."""


class PositionStore(Protocol):
    """What this service asks the store for."""

    async def positions_in(self, box: Viewport, limit: int) -> list[Position]:
        """Return at most `limit` positions inside the box, nearest to its middle first."""
        ...


def parse_box(text: str) -> Viewport:
    """Return the box that `west,south,east,north` names, in degrees.

    Raises:
        BadBoxError: There are not four numbers, one is out of range, sides are swapped, or the box
            is too large.
    """
    parts = text.split(",")
    if len(parts) != 4:
        raise BadBoxError(f"{len(parts)} values instead of 4: write west,south,east,north")
    names = ("west", "south", "east", "north")
    values = {}
    for name, part in zip(names, parts, strict=True):
        try:
            values[name] = float(part)
        except ValueError:
            raise BadBoxError(f"{name} is {part.strip()!r}, which is no number") from None
    limits = {"west": 180.0, "east": 180.0, "south": MAX_GEO_LATITUDE_DEG}
    for name, value in values.items():
        limit = limits.get(name, MAX_GEO_LATITUDE_DEG)
        if not -limit <= value <= limit:  # also refuses NaN
            raise BadBoxError(f"{name} is {value}, outside -{limit:g}..{limit:g} degrees")
    for low, high in (("west", "east"), ("south", "north")):
        if values[low] >= values[high]:
            raise BadBoxError(f"{low} ({values[low]}) must be less than {high} ({values[high]})")
        if values[high] - values[low] > MAX_SPAN_DEG:
            raise BadBoxError(
                f"{low} to {high} spans more than {MAX_SPAN_DEG:g} degrees: ask for a smaller box"
            )
    return msgspec.convert(values, Viewport)


class PositionService:
    """Positions in a box."""

    def __init__(self, store: PositionStore) -> None:
        self._store = store

    async def inside(self, box: Viewport, limit: int) -> tuple[list[Position], bool]:
        """Return at most `limit` positions, and whether there are more."""
        found = await self._store.positions_in(box, limit + 1)
        return found[:limit], len(found) > limit
