"""The sums of one driver's window: as a whole, and for each zone that the driver was in.

Parts of different drivers add up to the window of a zone, in any order to the same bytes: distances
and speeds are counted in millionths, and speeds are kept for the percentile.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from contracts.events import DriverStatus
from contracts.rules import leg_m
from contracts.zones import zone_at
from flink_jobs.logic.ping_windows import Ping

DRIVER, ZONE = "driver", "zone"
_MILLION: Final = 1_000_000
Part = tuple[str, str, int, int, int, int, str]
"""Subject, its identifier, pings, micrometres, millionths of km/h, idle pings, speeds in km/h."""


@dataclass(slots=True)
class _Sums:
    leg_um: int = 0
    speed_millionths: int = 0
    idle_count: int = 0
    speeds_kmh: list[str] = field(default_factory=list)

    def add(self, ping: Ping, leg_um: int) -> None:
        self.leg_um += leg_um
        self.speed_millionths += round(ping.speed_kmh * _MILLION)
        self.idle_count += ping.status == DriverStatus.AVAILABLE
        self.speeds_kmh.append(repr(ping.speed_kmh))

    def part(self, subject: str, subject_id: str) -> Part:
        return (
            subject,
            subject_id,
            len(self.speeds_kmh),
            self.leg_um,
            self.speed_millionths,
            self.idle_count,
            " ".join(self.speeds_kmh),
        )


def parts_of(driver_id: str, pings: Iterable[Ping], before: Ping | None) -> Iterator[Part]:
    """Yield the sums of the driver, then those of each zone.

    A leg belongs to the ping that ends it, and to that ping's zone.

    Args:
        driver_id: Whose pings.
        pings: Those of one window, by event time.
        before: The last ping before the window.
    """
    whole = _Sums()
    by_zone: dict[int, _Sums] = {}
    for ping in pings:
        leg_um = 0
        if before is not None:
            elapsed_ms = ping.at_ms - before.at_ms
            leg_um = round(leg_m(before.lat, before.lon, ping.lat, ping.lon, elapsed_ms) * _MILLION)
        before = ping
        whole.add(ping, leg_um)
        zone = zone_at(ping.lat, ping.lon)
        if zone is not None:
            by_zone.setdefault(zone, _Sums()).add(ping, leg_um)
    if whole.speeds_kmh:
        yield whole.part(DRIVER, driver_id)
    for zone, sums in by_zone.items():
        yield sums.part(ZONE, str(zone))


def percentile(values: list[float], share: float) -> float:
    """Return the exact continuous percentile: linear between the closest ranks.

    As percentile_cont of SQL: rank `share * (n - 1)`, counted from 0.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values have no percentile")
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    lower = int(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (rank - lower)
