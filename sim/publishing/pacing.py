"""How simulated time follows the clock on the wall.

The only place of the simulator that reads it while running.
"""

import time
from collections.abc import Callable
from typing import Final

SLICE_S: Final = 0.05
_MAX_LAG_S: Final = 5.0


class Pacer:
    """Says up to which simulated time to go now. A ratio of 0 is as fast as possible."""

    def __init__(
        self, speed_ratio: float, now_ms: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.speed_ratio = speed_ratio
        self._clock = clock
        self._anchor_ms = now_ms
        self._anchor_s = clock()
        self.lag_s = 0.0

    def target_ms(self, now_ms: int, chunk_ms: int) -> int:
        """Return the simulated time to reach next.

        Equal to `now_ms` where it is too early for any step.

        Time that was lost to a full or absent broker beyond a few seconds is not caught up in a
        burst: the plan is moved instead, and the city goes on at its own speed.
        """
        if self.speed_ratio == 0:
            return now_ms + chunk_ms
        planned_ms = self._anchor_ms + round(
            (self._clock() - self._anchor_s) * 1000.0 * self.speed_ratio
        )
        self.lag_s = max(0.0, (planned_ms - now_ms) / 1000.0 / self.speed_ratio)
        if self.lag_s > _MAX_LAG_S:
            self.set_speed(self.speed_ratio, now_ms)
            return now_ms
        slice_ms = max(1, int(SLICE_S * 2 * 1000.0 * self.speed_ratio))
        return max(now_ms, min(planned_ms, now_ms + slice_ms))

    def set_speed(self, speed_ratio: float, now_ms: int) -> None:
        """Go on from here at another speed."""
        self.speed_ratio = speed_ratio
        self._anchor_ms = now_ms
        self._anchor_s = self._clock()

    def rest_s(self) -> float:
        """Return how long to sleep before asking again."""
        return 0.0 if self.speed_ratio == 0 else SLICE_S
