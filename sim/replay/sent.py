"""What of an interrupted run is already in its topic: 16 bytes a record, whatever its size."""

from uuid import UUID

import numpy as np


class Sent:
    """Event ids that need not be sent again, and the number of control records sent so far."""

    def __init__(self, event_ids: bytes = b"", controls: int = 0) -> None:
        """Take the ids, 16 bytes each, in any order."""
        # numpy drops trailing zeros of S16, so they are dropped from what is looked for too.
        self._ids = np.sort(np.frombuffer(event_ids, dtype="S16"))
        self.controls = controls

    def __len__(self) -> int:
        """Return the number of ids."""
        return len(self._ids)

    def __contains__(self, event_id: UUID) -> bool:
        """Return whether a record was sent."""
        if not len(self._ids):
            return False
        wanted = np.bytes_(event_id.bytes.rstrip(b"\0"))
        place = int(np.searchsorted(self._ids, wanted))
        return place < len(self._ids) and bool(self._ids[place] == wanted)
