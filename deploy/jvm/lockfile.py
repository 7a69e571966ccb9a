"""The pinned list of Java artifacts (`jars.lock`): one line per file, read by everyone.

Knows the format and where a file lives inside a repository; no network and no resolver here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

HERE: Final = Path(__file__).resolve().parent
SPEC_FILE: Final = HERE / "jars.toml"
LOCK_FILE: Final = HERE / "jars.lock"
_LOCK_FIELDS: Final = 4


class LockError(Exception):
    """A coordinate or a line of the lock cannot be understood."""


@dataclass(frozen=True, slots=True, order=True)
class Coordinate:
    """Name of one file in a Maven repository."""

    group: str
    artifact: str
    version: str
    classifier: str = ""
    packaging: str = "jar"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the coordinate written as `group:artifact:version[:classifier[:packaging]]`.

        Raises:
            LockError: There are fewer than three or more than five parts.
        """
        group, artifact, version, *rest = [*text.split(":"), "", ""][: max(3, text.count(":") + 1)]
        if not (group and artifact and version) or len(rest) > 2:
            raise LockError(
                f"not a coordinate: {text!r}; write group:artifact:version[:classifier[:packaging]]"
            )
        classifier, packaging = [*rest, "", ""][:2]
        return cls(group, artifact, version, classifier, packaging or "jar")

    def __str__(self) -> str:
        """Return the shortest text that `parse` reads back."""
        parts = [self.group, self.artifact, self.version, self.classifier]
        if self.packaging != "jar":
            return ":".join([*parts, self.packaging])
        return ":".join(parts if self.classifier else parts[:3])

    @property
    def filename(self) -> str:
        """Return the file's name in a repository."""
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{tail}.{self.packaging}"

    @property
    def path(self) -> str:
        """Return the file's path below the root of a repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"


@dataclass(frozen=True, slots=True, order=True)
class LockedFile:
    """One file of one set, with what its bytes must be."""

    set_name: str
    coordinate: Coordinate
    sha256: str
    size_bytes: int

    def __str__(self) -> str:
        """Return the line of the lock."""
        return f"{self.set_name} {self.coordinate} {self.sha256} {self.size_bytes}"


def parse_lock(text: str) -> tuple[LockedFile, ...]:
    """Return the files named by the text of a lock.

    Raises:
        LockError: A line has not exactly four fields, or a field is malformed.
    """
    files = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if len(fields) != _LOCK_FIELDS or len(fields[2]) != 64 or not fields[3].isdigit():
            raise LockError(
                f"line {number} of the jar lock is malformed: {line!r}; restore it from git"
            )
        files.append(LockedFile(fields[0], Coordinate.parse(fields[1]), fields[2], int(fields[3])))
    return tuple(files)


def read_lock(path: Path = LOCK_FILE) -> tuple[LockedFile, ...]:
    """Return the files of the lock in the repository."""
    return parse_lock(path.read_text(encoding="utf-8"))


def render_lock(files: Iterable[LockedFile]) -> str:
    """Return the text of a lock, sorted by set and coordinate."""
    return "".join(f"{file}\n" for file in sorted(files))
