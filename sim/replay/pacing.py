"""When to wait and when to say that event time has passed: the two clocks of a replay."""

import time
from collections.abc import Callable, Iterator
from typing import Final

LONGEST_GAP_MS: Final = 3600 * 1000
"""A longer gap of event time is jumped over: public files hold single rows from other years."""
HEARTBEAT_EVENT_MS: Final = 60_000
HEARTBEAT_WALL_S: Final = 0.5
HEARTBEAT_ROWS_UNPACED: Final = 64
"""At full speed a round follows at least this many rows: cheap on sparse files too."""
_SHORTEST_SLEEP_S: Final = 0.002


class Pace:
    """Holds rows back until the wall clock has caught up with event time at a given speed."""

    def __init__(
        self,
        speed: float | None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a pace; `speed` is event seconds per wall second, None means as fast as can be."""
        self._speed = speed
        self._now = now
        self._sleep = sleep
        self._last_ms: int | None = None
        self._due_s = 0.0

    def wait_for(self, event_time_ms: int) -> None:
        """Return when a row of this event time is due; rows from the past are due at once."""
        if self._speed is None:
            return
        if self._last_ms is None:
            self._last_ms = event_time_ms
            self._due_s = self._now()
            return
        gap_ms = event_time_ms - self._last_ms
        if gap_ms <= 0:
            return
        self._last_ms = event_time_ms
        if gap_ms <= LONGEST_GAP_MS:
            self._due_s += gap_ms / 1000 / self._speed
        delay_s = self._due_s - self._now()
        if delay_s > _SHORTEST_SLEEP_S:
            self._sleep(delay_s)


class Heartbeats:
    """Decides when heartbeats are due, so that no partition holds the watermark back.

    Between two rounds at most a minute of event time passes, or half a second of wall time where
    that is more; at full speed also at least `HEARTBEAT_ROWS_UNPACED` rows.
    """

    def __init__(self, speed: float | None) -> None:
        self._is_paced = speed is not None
        self._least_ms = HEARTBEAT_EVENT_MS
        if speed is not None:
            self._least_ms = max(HEARTBEAT_EVENT_MS, round(speed * HEARTBEAT_WALL_S * 1000))
        self._rows = 0
        self._last_ms: int | None = None

    def before(self, event_time_ms: int) -> Iterator[int]:
        """Yield the event times of the rounds to send before a row; call once per row.

        A paced replay gets a round within a gap too, so that windows close while it waits.
        """
        self._rows += 1
        if self._last_ms is None:
            self._last_ms = event_time_ms
            return
        gap_ms = event_time_ms - self._last_ms
        if self._is_paced and gap_ms <= LONGEST_GAP_MS:
            while self._last_ms + self._least_ms <= event_time_ms:
                self._last_ms += self._least_ms
                yield self._last_ms
        elif gap_ms >= self._least_ms and (self._is_paced or self._rows >= HEARTBEAT_ROWS_UNPACED):
            self._last_ms = event_time_ms
            self._rows = 0
            yield event_time_ms
