"""How fast records go out by the clock on the wall, and when the ledger is due."""

import time
from typing import Final

_COMMIT_EVERY_S: Final = 0.5


class Meter:
    """Says when the ledger is due, and how many records went out per second of wall time since."""

    def __init__(self) -> None:
        self._at_s = time.monotonic()
        self._records = 0

    def is_due(self) -> bool:
        """Return whether the ledger was last written half a second ago or longer."""
        return time.monotonic() - self._at_s >= _COMMIT_EVERY_S

    def rate(self, records: int) -> float:
        """Return records per second since the last call.

        Args:
            records: All that went out since the run began.
        """
        now_s = time.monotonic()
        rate = (records - self._records) / max(now_s - self._at_s, 1e-3)
        self._at_s, self._records = now_s, records
        return rate
