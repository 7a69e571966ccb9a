"""A port that keeps everything, for tests and for looking at a run from Python."""

from collections.abc import Sequence

from contracts.domain import PARTITIONS
from sim.publishing.record import Record


class MemoryPort:
    """Keeps records in a list, in the order of sending."""

    name = "memory"

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.run_id = ""

    def open(self, run_id: str, topics: tuple[str, ...]) -> None:
        """Start with an empty list."""
        self.run_id = run_id
        self.records.clear()

    def partitions(self, topic: str) -> int:
        """Return the default of the contracts."""
        return PARTITIONS

    def send(self, records: Sequence[Record]) -> None:
        """Keep records."""
        self.records.extend(records)

    def poll(self) -> None:
        """Do nothing: nothing waits."""

    def flush(self) -> None:
        """Do nothing: a list is safe at once."""

    def offsets(self) -> dict[tuple[str, int], int]:
        """Return nothing: a list has no offsets."""
        return {}

    def problem(self) -> str | None:
        """Return None: a list always has room."""
        return None

    def abort(self) -> None:
        """Do nothing: nobody waits."""

    def close(self) -> None:
        """Keep the records for whoever looks at them."""
