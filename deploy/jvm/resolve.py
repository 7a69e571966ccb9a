"""Resolve `jars.toml` into `jars.lock`: for maintainers, a few minutes, needs the network.

Run with `make lock-jars` and review the difference. Everybody else only downloads what it names.
"""

import hashlib
import logging
import sys
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jgo.maven import Dependency, MavenContext, PythonResolver

from deploy.jvm.download import Downloader
from deploy.jvm.lockfile import LOCK_FILE, SPEC_FILE, Coordinate, LockedFile, render_lock
from deploy.local.layout import Layout


class _ChecksumWarningIsFatal(logging.Handler):
    """Stops the run on the resolver's mere warning that a SHA-1 did not match."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().lower()
        if "sha" in message and "mismatch" in message:
            raise SystemExit(f"resolver: {record.getMessage()}")


def resolve_set(context: Any, spec: Mapping[str, Sequence[str]]) -> list[Coordinate]:
    """Return the coordinates of one set, dependencies included, after drop and keep."""
    found = [Coordinate.parse(text) for text in spec.get("files", ())]
    roots = []
    for text in spec.get("resolve", ()):
        root = Coordinate.parse(text)
        component = context.project(root.group, root.artifact).at_version(root.version)
        # raw: as plain Maven dependencies; otherwise every root is imported as a BOM too
        roots.append(Dependency(component.artifact(root.classifier, root.packaging), raw=True))
    if roots:
        inputs, transitive = context.resolver.resolve(roots)
        for dependency in [*inputs, *transitive]:
            art = dependency.artifact
            found.append(
                Coordinate(
                    art.groupId, art.artifactId, art.version, art.classifier or "", art.packaging
                )
            )
    drop, keep = spec.get("drop", ()), spec.get("keep", ())
    return [
        c
        for c in found
        if not any(text in c.filename for text in drop) or any(text in c.filename for text in keep)
    ]


def _locked(set_name: str, coordinate: Coordinate, path: Path) -> LockedFile:
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return LockedFile(set_name, coordinate, digest, path.stat().st_size)


def main() -> None:
    """Write the lock anew."""
    logging.getLogger("jgo").addHandler(_ChecksumWarningIsFatal())
    cache = Layout.from_environment().cache
    context = MavenContext(
        resolver=PythonResolver(), repo_cache=cache / "maven-resolver", timeout=60
    )
    downloader = Downloader(cache)
    locked: list[LockedFile] = []
    for set_name, spec in tomllib.loads(SPEC_FILE.read_text(encoding="utf-8")).items():
        coordinates = resolve_set(context, spec)
        with ThreadPoolExecutor(8) as pool:
            paths = list(pool.map(downloader.fetch_unverified, coordinates))
        locked += [_locked(set_name, c, p) for c, p in zip(coordinates, paths, strict=True)]
        sys.stderr.write(f"{set_name}: {len(coordinates)} files\n")
    LOCK_FILE.write_text(render_lock(locked), encoding="utf-8")


if __name__ == "__main__":
    main()
