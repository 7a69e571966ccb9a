"""What a port does.

Ports keep the order of records per key and lose nothing; one that cannot go on waits.
"""

from collections.abc import Sequence
from typing import Protocol

from sim.publishing.record import Record


class Port(Protocol):
    """Where records go."""

    name: str

    def open(self, run_id: str, topics: tuple[str, ...]) -> None:
        """Make ready for a run; waits until it is possible."""

    def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic."""

    def send(self, records: Sequence[Record]) -> None:
        """Take records in this order; waits while there is no room."""

    def poll(self) -> None:
        """Serve the port while nothing is sent."""

    def flush(self) -> None:
        """Return when everything taken is safely where it should be."""

    def offsets(self) -> dict[tuple[str, int], int]:
        """Return the end offset of every partition, empty where there are none."""

    def problem(self) -> str | None:
        """Return what holds the port up, None while it flows."""

    def abort(self) -> None:
        """Make whoever waits give up; what is not safe yet may be lost.

        For the end of the process.
        """

    def close(self) -> None:
        """Give back what the port holds."""


class Aborted(Exception):  # noqa: N818 - the name says what happened
    """The run was told to stop at once while a port was waiting."""
