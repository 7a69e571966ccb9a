"""The record of a run's commands: `commands.jsonl` beside the ledger, one command per line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from sim.domain.commands import Command, Recorded
from sim.domain.errors import SimError

FILE_NAME: Final = "commands.jsonl"


class RecordError(SimError):
    """A record of commands cannot be used."""


class CommandRecord:
    """Writes each command as soon as it is applied. Nothing is written for a run without any."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self.commands: list[Recorded] = []

    def add(self, at_ms: int, command: Command) -> None:
        """Keep a command."""
        recorded = Recorded(at_ms=at_ms, command=command)
        self.commands.append(recorded)
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(recorded) + b"\n")

    def rewrite(self, commands: Iterable[Recorded]) -> None:
        """Begin with the commands of a run that is taken up again."""
        self.commands = list(commands)
        lines = [msgspec.json.encode(recorded) + b"\n" for recorded in self.commands]
        self.path.write_bytes(b"".join(lines))


def read(folder: Path) -> list[Recorded]:
    """Return the commands of a run, in the order of their times; none where there is no file.

    Raises:
        RecordError: The file cannot be read; the message names the line.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return []
    found: list[Recorded] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(line, type=Recorded))
        except msgspec.DecodeError as error:
            raise RecordError(f"{path}, line {number}: {error}") from error
    return found
