"""Identity and time of every event.

Ids are `uuid5(run_id, entity/sequence)`, and times that rise strictly per entity. The entity is
`topic/key`. Pings are identified in blocks, by a rule of their own: see `pings`.
"""

import hashlib
import uuid
from typing import NamedTuple

from contracts.timestamps import rfc3339

_VARIANT = "89ab"


def uuid5_text(namespace: bytes, name: str) -> str:
    """Return what `str(uuid.uuid5(namespace, name))` returns.

    It takes half the time (measured 1.3 against 2.8 µs).
    """
    digits = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANT[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


class Stamp(NamedTuple):
    """Identity and time of one event."""

    event_id: str
    event_time_ms: int


class Stamper:
    """Gives out stamps for one run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._namespace = uuid.UUID(run_id).bytes
        self._last: dict[tuple[str, str], tuple[int, int]] = {}

    def stamp(self, topic: str, key: str, at_ms: int) -> Stamp:
        """Return the next stamp of an entity.

        Its time is `at_ms`, or 1 ms after the last one if that is later.
        """
        sequence, last_ms = self._last.get((topic, key), (0, -1))
        sequence += 1
        event_time_ms = at_ms if at_ms > last_ms else last_ms + 1
        self._last[topic, key] = (sequence, event_time_ms)
        return Stamp(self.derive(f"{topic}/{key}/{sequence}"), event_time_ms)

    def forget(self, topic: str, key: str) -> None:
        """Drop what is known of an entity that will have no more events."""
        self._last.pop((topic, key), None)

    def digest(self) -> str:
        """Return a hash of all sequences and times."""
        return hashlib.sha256(repr(sorted(self._last.items())).encode()).hexdigest()

    def words(self, name: str) -> tuple[int, int]:
        """Return two words of 64 bits for ids that are made by the block: see `pings`."""
        digest = hashlib.sha256(self._namespace + name.encode()).digest()
        return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")

    def derive(self, name: str) -> str:
        """Return the run's UUID of a name."""
        return uuid5_text(self._namespace, name)


class TimeText:
    """RFC 3339 text of epoch milliseconds; neighbouring events share the formatted second."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def of(self, epoch_ms: int) -> str:
        """Return the text, e.g. `2026-03-02T09:00:00.000Z`."""
        second, ms = divmod(epoch_ms, 1000)
        if second != self._second:
            self._second = second
            self._prefix = rfc3339(second * 1000)[:-4]
        return f"{self._prefix}{ms:03d}Z"
