"""Which jobs shall run: a small file that survives Flink, and the state each would resume from.

A standalone JobManager forgets its jobs when it dies; this file and the retained checkpoints are
what they are brought back from.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from deploy.local.layout import Layout
from deploy.local.savepoints import SavedStateError, read_state

_LOCK_TIMEOUT_S: Final = 320
_CHECKPOINT: Final = re.compile(r"chk-(\d+)")


class DesiredJobsError(Exception):
    """The file of desired jobs cannot be used."""


class BusyError(DesiredJobsError):
    """Another process submits or stops jobs."""


class DesiredJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One job as somebody wanted it.

    Attributes:
        arguments: What the job's `main` gets.
        is_wanted: Whether it shall run; false after a stop, when the rest says how to resume.
        job_id: Identifier of its newest submission.
        resume_from: State which that submission started from, or the savepoint it was stopped with.
        is_changing: Whether an upgrade stops it only to start it again; true for longer only where
            the upgrade itself has died.
    """

    arguments: tuple[str, ...] = ()
    is_wanted: bool = True
    job_id: str = ""
    resume_from: str | None = None
    is_changing: bool = False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jobs: dict[str, DesiredJob] = {}


def _path(layout: Layout) -> Path:
    return layout.home / "jobs.json"


@contextmanager
def locked(layout: Layout, timeout_s: float = _LOCK_TIMEOUT_S) -> Iterator[None]:
    """Let one process at a time submit or stop jobs.

    Raises:
        BusyError: Another process holds the lock for longer than the caller would wait.
    """
    layout.home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{_path(layout)}.lock", timeout=timeout_s):
            yield
    except Timeout as error:
        raise BusyError("another submission does not end; see `farol logs keeper`") from error


def read(layout: Layout) -> Mapping[str, DesiredJob]:
    """Return the desired jobs by name.

    Raises:
        DesiredJobsError: The file is damaged.
    """
    try:
        return msgspec.json.decode(_path(layout).read_bytes(), type=_File).jobs
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise DesiredJobsError(
            f"{_path(layout)} is damaged ({error}); correct it, or remove it and submit jobs again"
        ) from error


def write(layout: Layout, name: str, job: DesiredJob) -> None:
    """Replace what is desired of one job; the file is never half written."""
    content = msgspec.json.encode(_File({**read(layout), name: job}))
    scratch = _path(layout).with_suffix(".new")
    scratch.write_bytes(msgspec.json.format(content, indent=1))
    scratch.replace(_path(layout))


def newest_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint of a job's folder, as Flink wants its path.

    A checkpoint is complete when its metadata is there: Flink moves that file in last.
    """
    found = _checkpoints(folder)
    return f"file://{max(found)[1]}" if found else None


def newest_savepoint(layout: Layout, job_id: str) -> str | None:
    """Return the savepoint that a job has left, if it is newer than all its checkpoints."""
    folder = layout.home / "flink" / "savepoints"
    states = []
    for path in folder.glob(f"savepoint-{job_id[:6]}-*/_metadata"):
        with suppress(SavedStateError):  # half written, by a job that was killed
            states.append(read_state(str(path.parent)))
    newest = max(((state.number, state.path) for state in states if state), default=None)
    checkpoints = _checkpoints(_checkpoint_folder(layout, job_id))
    if newest is None or (checkpoints and max(checkpoints)[0] > newest[0]):
        return None
    return f"file://{newest[1]}"


def resume_point(layout: Layout, job: DesiredJob) -> str | None:
    """Return the newest state of a job: one of its own, else what it started from itself."""
    if not job.job_id:
        return job.resume_from
    return (
        newest_savepoint(layout, job.job_id)
        or newest_checkpoint(_checkpoint_folder(layout, job.job_id))
        or job.resume_from
    )


def _checkpoint_folder(layout: Layout, job_id: str) -> Path:
    return layout.home / "flink" / "checkpoints" / job_id


def _checkpoints(folder: Path) -> list[tuple[int, Path]]:
    return [
        (int(match.group(1)), path.parent)
        for path in folder.glob("chk-*/_metadata")
        if (match := _CHECKPOINT.fullmatch(path.parent.name))
    ]
