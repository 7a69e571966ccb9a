"""Download pinned files into the shared cache: resumable, retried, verified, never half a file.

A file appears under its final name only after its SHA-256 was right, and is hashed again whenever
it is used. Bytes already received stay in a `.part` file and are continued from.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx
from filelock import FileLock
from jgo.maven import MavenContext, PythonResolver
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from deploy.jvm.lockfile import Coordinate, LockedFile

_ATTEMPTS: Final = 6
_CHUNK_BYTES: Final = 1 << 20
_MAX_BACKOFF_S: Final = 30

Progress = Callable[[int], None]


class DownloadError(Exception):
    """A file could not be fetched or is not what the lock says; the message says what to do."""


class _RetryableError(Exception):
    """A failure that another attempt may cure."""


def repositories() -> tuple[str, ...]:
    """Return the repository addresses to try: `$FAROL_MAVEN_REPOSITORY` or the resolver's own."""
    mirror = os.environ.get("FAROL_MAVEN_REPOSITORY")
    if mirror:
        return (mirror,)
    # the resolver knows a default repository; no file here names a host
    return tuple(MavenContext(resolver=PythonResolver()).remote_repos.values())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _ignore(_received_bytes: int) -> None:
    return None


@dataclass
class Downloader:
    """Fetches files into `<cache>/maven`; safe for several clones at once."""

    cache: Path
    repositories: tuple[str, ...] = field(default_factory=repositories)
    transport: httpx.BaseTransport | None = None
    backoff_s: float = 1.0

    def __post_init__(self) -> None:
        """Open one client for all downloads."""
        self._client = httpx.Client(
            transport=self.transport, timeout=60, follow_redirects=True, http2=False
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_failure: object) -> None:
        """Close the connections."""
        self._client.close()

    def path_of(self, coordinate: Coordinate) -> Path:
        """Return where the cache keeps a file."""
        return self.cache / "maven" / coordinate.path

    def is_valid(self, file: LockedFile) -> bool:
        """Return whether the cache holds the file with exactly the locked bytes."""
        path = self.path_of(file.coordinate)
        return (
            path.is_file()
            and path.stat().st_size == file.size_bytes
            and sha256_of(path) == file.sha256
        )

    def fetch(self, file: LockedFile, progress: Progress = _ignore) -> Path:
        """Return the path of the file in the cache, downloaded if it is not there or is damaged.

        Args:
            file: What to fetch.
            progress: Called with the number of bytes that arrived since the last call.

        Raises:
            DownloadError: All attempts failed, or the bytes never matched the lock.
        """
        path = self.path_of(file.coordinate)
        path.parent.mkdir(parents=True, exist_ok=True)
        # one file, one downloader: another clone may be at the same file right now
        with FileLock(f"{path}.lock"):
            if self.is_valid(file):
                progress(file.size_bytes)
                return path
            path.unlink(missing_ok=True)
            part = path.with_name(path.name + ".part")
            try:
                for attempt in self._retrying():
                    with attempt:
                        self._receive(file.coordinate, part, progress, file.size_bytes)
                        self._check(file, part)
            except (_RetryableError, httpx.HTTPError, OSError) as error:
                raise DownloadError(
                    f"cannot download {file.coordinate} ({file.size_bytes / 1e6:.1f} MB): {error}. "
                    "Check the network and run `make setup` again (it continues where it stopped); "
                    "behind a mirror set FAROL_MAVEN_REPOSITORY to its address."
                ) from error
            part.replace(path)
        return path

    def fetch_unverified(self, coordinate: Coordinate) -> Path:
        """Return a file that no lock describes yet (used only to write the lock)."""
        path = self.path_of(coordinate)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                part = path.with_name(path.name + ".part")
                part.unlink(missing_ok=True)
                for attempt in self._retrying():
                    with attempt:
                        self._receive(coordinate, part, _ignore, None)
                part.replace(path)
        return path

    def _retrying(self) -> Retrying:
        return Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=self.backoff_s, max=_MAX_BACKOFF_S),
            retry=retry_if_exception_type((_RetryableError, httpx.HTTPError, OSError)),
            reraise=True,
        )

    def _receive(
        self, coordinate: Coordinate, part: Path, progress: Progress, size_bytes: int | None
    ) -> None:
        have_bytes = part.stat().st_size if part.exists() else 0
        if size_bytes is not None and have_bytes == size_bytes:
            return
        if size_bytes is not None and have_bytes > size_bytes:
            part.unlink()
            have_bytes = 0
        problems = []
        for base in self.repositories:
            # as stored: a compressed transfer could not be continued
            headers = {"Accept-Encoding": "identity"}
            if have_bytes:
                headers["Range"] = f"bytes={have_bytes}-"
            with self._client.stream(
                "GET", f"{base.rstrip('/')}/{coordinate.path}", headers=headers
            ) as response:
                if response.status_code not in (200, 206):
                    problems.append(f"the repository answered {response.status_code}")
                    continue
                resumed = response.status_code == 206
                with part.open("ab" if resumed else "wb") as sink:
                    for chunk in response.iter_bytes(_CHUNK_BYTES):
                        sink.write(chunk)
                        progress(len(chunk))
                return
        raise _RetryableError("; ".join(problems) or "no repository configured")

    def _check(self, file: LockedFile, part: Path) -> None:
        size_bytes = part.stat().st_size
        if size_bytes < file.size_bytes:
            raise _RetryableError(f"received {size_bytes} of {file.size_bytes} bytes")
        if size_bytes != file.size_bytes or sha256_of(part) != file.sha256:
            part.unlink()
            raise _RetryableError("the bytes received do not have the locked SHA-256")
