"""What to replay and how, and what a replay did."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Order = Literal["event-time", "file"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay and how; `speed` is event seconds per wall second, None: no limit.

    Attributes:
        file: CSV or Parquet file; for Bronze the name of its table.
        format_name: A known format, a mapping file, or `bronze`.
        run_id: Id of the run.
        order: By event time, or as the rows lie in the file.
        speed: Event seconds per wall second.
        limit: Most rows to send.
        from_ms: Oldest event time to send, inclusive; epoch milliseconds.
        to_ms: Newest event time, exclusive.
        is_split: Send the parts of trips instead of trips.
        is_resumed: Go on with this run where it was interrupted.
    """

    file: Path
    format_name: str
    run_id: str
    order: Order = "event-time"
    speed: float | None = None
    limit: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    is_split: bool = False
    is_resumed: bool = False

    def configuration(self) -> dict[str, Any]:
        """Return what the ledger keeps of it, enough to resume."""
        return {
            "file": str(self.file),
            "format": self.format_name,
            "order": self.order,
            "speed": self.speed,
            "limit": self.limit,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "split": self.is_split,
        }

    @property
    def is_bounded(self) -> bool:
        """Whether rows outside of an interval are left out."""
        return self.from_ms is not None or self.to_ms is not None

    def includes(self, event_time_ms: int | None) -> bool:
        """Return whether a row is to be sent; one without a time lies in no interval."""
        if not self.is_bounded:
            return True
        if event_time_ms is None:
            return False
        is_after = self.from_ms is None or event_time_ms >= self.from_ms
        return is_after and (self.to_ms is None or event_time_ms < self.to_ms)


@dataclass(slots=True)
class Outcome:
    """What a replay did.

    Attributes:
        run_id: Id of the run.
        rows: Rows taken from the source, those of an interrupted part included.
        accepted: Well-formed records.
        controls: Control records.
        outside: Rows left out because they lie outside of the interval.
        already_sent: Records that an interrupted part had sent.
        is_complete: Whether it came to its end.
        rejected: Malformed records by reason.
        first_event_time_ms: Oldest accepted event time.
        last_event_time_ms: Newest accepted event time.
        seconds: Wall time.
    """

    run_id: str
    rows: int = 0
    accepted: int = 0
    controls: int = 0
    outside: int = 0
    already_sent: int = 0
    is_complete: bool = False
    rejected: Counter[str] = field(default_factory=Counter)
    first_event_time_ms: int | None = None
    last_event_time_ms: int | None = None
    seconds: float = 0.0

    def event_times_ms(self) -> tuple[int, int] | None:
        """Return the oldest and newest accepted event time, None where nothing was accepted."""
        if self.first_event_time_ms is None or self.last_event_time_ms is None:
            return None
        return self.first_event_time_ms, self.last_event_time_ms

    def took(self, event_time_ms: int) -> bool:
        """Take note of an accepted event; return whether it is the newest so far."""
        first_ms, newest_ms = self.first_event_time_ms, self.last_event_time_ms
        self.first_event_time_ms = (
            event_time_ms if first_ms is None else min(first_ms, event_time_ms)
        )
        return newest_ms is None or event_time_ms > newest_ms
