"""What a run may need from outside the simulator. `sim.services` fulfils this by shape."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from sim.policies.routing import RoutingPolicy


class SurgeFeed(Protocol):
    """Multipliers that the platform computes."""

    def poll(self) -> Iterable[tuple[int, float]]:
        """Return zones and multipliers that have come since the last call."""

    def close(self) -> None:
        """Give back what the feed holds."""


class RoutingService(RoutingPolicy, Protocol):
    """Ways from a server."""

    def close(self) -> None:
        """Give back what the service holds."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The services that a scenario names; None where it names none."""

    routing: RoutingService | None = None
    surge: SurgeFeed | None = None

    def close(self) -> None:
        """Close both."""
        if self.routing is not None:
            self.routing.close()
        if self.surge is not None:
            self.surge.close()


def nothing_outside() -> Outside:
    """Return no services."""
    return Outside()
