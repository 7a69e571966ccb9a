"""What happens to the city as a whole for a while: weather, an event, a strike, a blocked road.

A shock is an item of a scenario. Shocks that overlap multiply; shares of drivers who stay away do
not add up, the largest counts.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from contracts.zones import ZONES

_SERVED: Final = frozenset(zone.zone_id for zone in ZONES if zone.cell_count)
LONGEST_S: Final = 31 * 86_400
"""How long a run may be planned for."""
Ratio = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Shock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Factors that hold from `begin_s` to `end_s`, simulated seconds since the start of the run.

    Without `zone_ids` it is everywhere. `drivers_away_share` is of all drivers of the city.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")]
    kind: Literal["event", "weather", "strike", "incident"]
    begin_s: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_S)]
    end_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)]
    zone_ids: tuple[int, ...] = ()
    request_ratio: Ratio = 1.0
    attraction_ratio: Ratio = 1.0
    speed_ratio: Annotated[float, msgspec.Meta(ge=0.1, le=2)] = 1.0
    drivers_away_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0

    def __post_init__(self) -> None:
        """Refuse a shock that lasts no time or touches zones that nobody serves.

        Raises:
            ValueError: As said.
        """
        if self.end_s <= self.begin_s:
            raise ValueError(f"end_s: {self.end_s:g} is not after begin_s {self.begin_s:g}")
        unknown = sorted(set(self.zone_ids) - _SERVED)
        if unknown:
            raise ValueError(f"zone_ids: outside the service area: {unknown}")
        if self.drivers_away_share and self.zone_ids:
            raise ValueError("zone_ids: drivers stay away from the whole city, name no zones")

    def touches(self, zone_id: int | None) -> bool:
        """Return whether the shock is felt in a zone; one without zones is felt everywhere."""
        return not self.zone_ids or zone_id in self.zone_ids


class ShockCalendar:
    """Which shocks hold when."""

    def __init__(self, shocks: Sequence[Shock], start_ms: int) -> None:
        self.shocks = tuple(shocks)
        self._spans = tuple(
            (start_ms + round(shock.begin_s * 1000), start_ms + round(shock.end_s * 1000), shock)
            for shock in shocks
        )

    def active(self, at_ms: int) -> tuple[int, ...]:
        """Return the positions in `shocks` of those that hold at an instant (epoch ms)."""
        return tuple(
            position for position, (begin, end, _) in enumerate(self._spans) if begin <= at_ms < end
        )

    def combinations(self) -> tuple[tuple[int, ...], ...]:
        """Return every set of positions that holds at some time, the empty one first."""
        found: dict[tuple[int, ...], None] = {(): None}
        for begin, end, _ in self._spans:
            found[self.active(begin)] = None
            found[self.active(end)] = None
        return tuple(found)

    def speed_ratio(self, zone_id: int | None, at_ms: int) -> float:
        """Return the factor on the speed of traffic in a zone."""
        ratio = 1.0
        for begin, end, shock in self._spans:
            if begin <= at_ms < end and shock.touches(zone_id):
                ratio *= shock.speed_ratio
        return ratio

    def away_until_ms(self, rank: float, at_ms: int) -> int | None:
        """Return until when a driver stays away, None for one who works.

        Args:
            rank: The driver's place among all drivers, in [0, 1): the lowest leave first.
            at_ms: Epoch milliseconds.
        """
        ends = [
            end
            for begin, end, shock in self._spans
            if begin <= at_ms < end and rank < shock.drivers_away_share
        ]
        return max(ends) if ends else None
