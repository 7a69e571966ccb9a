"""A port that writes one JSON Lines file per topic: the value of each record, then a line feed.

A record without a value (a tombstone) is an empty line. No value contains a line feed, not even a
malformed one.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from contracts.domain import PARTITIONS
from sim.domain.errors import SimError
from sim.publishing.record import Record

_BUFFER_BYTES = 1 << 20


class OutputExistsError(SimError):
    """The folder holds files of another run already."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} exists already: name another folder, or remove the old run")


class FilePort:
    """Writes `<folder>/<topic>.jsonl`."""

    name = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def open(self, run_id: str, topics: tuple[str, ...]) -> None:
        """Create the files.

        Raises:
            OutputExistsError: One of them is there already.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for topic in topics:
            path = self._folder / f"{topic}.jsonl"
            try:
                self._files[topic] = path.open("xb", buffering=_BUFFER_BYTES)
            except FileExistsError:
                self.close()
                raise OutputExistsError(path) from None

    def partitions(self, topic: str) -> int:
        """Return the default of the contracts.

        So that a file has as many control records as a topic.
        """
        return PARTITIONS

    def send(self, records: Sequence[Record]) -> None:
        """Write records."""
        lines = defaultdict[str, list[bytes]](list)
        for record in records:
            lines[record.topic].append(record.value or b"")
        for topic, values in lines.items():
            values.append(b"")
            self._files[topic].write(b"\n".join(values))

    def poll(self) -> None:
        """Do nothing: nothing waits."""

    def flush(self) -> None:
        """Hand everything to the operating system."""
        for file in self._files.values():
            file.flush()

    def offsets(self) -> dict[tuple[str, int], int]:
        """Return nothing: files have lines, not offsets."""
        return {}

    def problem(self) -> str | None:
        """Return None: a full disk raises."""
        return None

    def abort(self) -> None:
        """Do nothing: nobody waits."""

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
