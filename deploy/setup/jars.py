"""Fetch every locked Java artifact, several at a time, with a progress line."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from deploy.jvm.download import Downloader
from deploy.jvm.lockfile import LockedFile

_WORKERS: Final = 8


def fetch_all(files: Sequence[LockedFile], cache: Path, console: Console) -> dict[str, list[Path]]:
    """Return the verified paths in the cache by set; downloads what is not there.

    Every file is hashed on every call, also those that were there already.

    Raises:
        DownloadError: A file could not be fetched.
    """
    with (
        Downloader(cache) as downloader,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
            transient=True,
        ) as progress,
        ThreadPoolExecutor(_WORKERS) as pool,
    ):
        task = progress.add_task("Java artifacts", total=sum(f.size_bytes for f in files))

        def fetch(file: LockedFile) -> Path:
            return downloader.fetch(file, lambda count: progress.advance(task, count))

        paths = list(pool.map(fetch, files))
    by_set: dict[str, list[Path]] = {}
    for file, path in zip(files, paths, strict=True):
        by_set.setdefault(file.set_name, []).append(path)
    return by_set
