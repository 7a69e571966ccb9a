"""Where the engine's events go. Publishing fulfils this by shape."""

from typing import Protocol

from contracts.domain import Topic
from contracts.events import Envelope


class EventSink(Protocol):
    """Takes events in the order in which the engine makes them.

    That is nearly the order of their times.
    """

    def emit(self, topic: Topic, key: str, event: Envelope, event_time_ms: int) -> None:
        """Take one event."""
