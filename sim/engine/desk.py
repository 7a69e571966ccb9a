"""Where requests wait for a driver.

It asks the matching policy at once, or in rounds for everybody in line.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from sim.domain.geometry import Floats
from sim.policies.matching import DriverIndex, Locator, MatchingPolicy, Request


@dataclass(slots=True)
class Waiting:
    """A request in line for the next round, and the driver that a round found for it."""

    trip_id: str
    request: Request
    since_ms: int
    driver: int | None = None


class Desk:
    """Requests in line. Rounds are at whole multiples of the interval."""

    def __init__(
        self,
        env: simpy.Environment,
        policy: MatchingPolicy,
        index: DriverIndex,
        locate: Locator,
        speed_kmh: Callable[[int], float],
    ) -> None:
        """Set up an empty desk.

        Args:
            env: The clock.
            policy: Who decides.
            index: The free drivers.
            locate: Where drivers are.
            speed_kmh: How fast a driver gets along now.
        """
        self._env = env
        self._policy = policy
        self._index = index
        self._locate = locate
        self._speed_kmh = speed_kmh
        self._line: dict[str, Waiting] = {}
        interval_s = policy.interval_s
        self.interval_ms = None if interval_s is None else round(interval_s * 1000)

    def match_now(self, request: Request) -> int | None:
        """Return a driver for one request."""
        return self._policy.match((request,), self._index, self._locate, self._paces)[0]

    def next_round_ms(self) -> int:
        """Return when the next round after now is."""
        interval_ms = self.interval_ms
        assert interval_ms is not None  # noqa: S101 - policies without rounds answer at once
        return (int(self._env.now) // interval_ms + 1) * interval_ms

    def join(self, trip_id: str, request: Request) -> Waiting:
        """Put a request in line; read its `driver` after the next round."""
        waiting = self._line[trip_id] = Waiting(trip_id, request, int(self._env.now))
        return waiting

    def leave(self, waiting: Waiting) -> None:
        """Take a request out of the line."""
        self._line.pop(waiting.trip_id, None)

    def rounds(self) -> Generator[simpy.Event, Any, None]:
        """Hold round after round, before anybody who waits for one wakes.

        A request that came at the very instant of a round waits for the next.
        """
        while True:
            yield self._env.timeout(self.next_round_ms() - int(self._env.now))
            now_ms = int(self._env.now)
            line = [waiting for waiting in self._line.values() if waiting.since_ms < now_ms]
            if not line:
                continue
            drivers = self._policy.match(
                [waiting.request for waiting in line], self._index, self._locate, self._paces
            )
            for waiting, driver in zip(line, drivers, strict=True):
                waiting.driver = driver

    def _paces(self, drivers: Sequence[int]) -> Floats:
        return np.array([3.6 / self._speed_kmh(driver) for driver in drivers])
