"""Put files into the toolchain: hard links where possible, whole folders swapped in at once."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def place(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`: a hard link, or a copy on another file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def place_tree(source: Path, target: Path) -> None:
    """Place every file below `source` at the same path below `target`."""
    for path in source.rglob("*"):
        if path.is_file():
            place(path, target / path.relative_to(source))


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Give a fresh folder that takes the place of `target` when the block succeeds."""
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
