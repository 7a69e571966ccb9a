"""Saved states of jobs, and whether the lake has gone on since one was taken.

A job that writes Iceberg commits with every checkpoint. Resumed from a state that is older than its
newest commit it reads records again that the tables hold already: Iceberg commits them a second
time under a new job, or passes over them without a word under the same one. So such a state is
refused before anything runs. Read are the state's own `_metadata` and the snapshots of the tables.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

_MAGIC: Final = 0x4960672D
_HEADER: Final = struct.Struct(">Iiq")
"""Magic number, version, identifier of the checkpoint: how every `_metadata` begins."""
_NAMESPACES: Final = ("bronze", "stream")
"""Where jobs write; the other namespaces belong to dbt."""
_TIMEOUT_S: Final = 20.0


class SavedStateError(Exception):
    """There is no state at a path, or it must not be resumed from; the message says why."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """A checkpoint or savepoint in the file system.

    Attributes:
        path: Its folder.
        number: Identifier of the checkpoint; numbers go on rising when a job resumes.
        job_prefix: First characters of the job that took it, as far as the path tells.
        written_at_ms: When it was complete.
        content: Its metadata, in which every operator of the job is named by its identifier.
    """

    path: str
    number: int
    job_prefix: str
    written_at_ms: int
    content: bytes

    def holds_operator(self, operator_id: str) -> bool:
        """Return whether the job that took the state has an operator."""
        return bytes.fromhex(operator_id) in self.content


@dataclass(frozen=True, slots=True)
class Commit:
    """One snapshot of a table that a Flink job committed."""

    table: str
    snapshot_id: int
    committed_at_ms: int
    job_id: str
    operator_id: str
    checkpoint: int


def folder_of(path: str) -> Path | None:
    """Return the folder that a path of Flink names, None where it is not in this file system."""
    scheme, separator, rest = path.partition(":")
    if not separator or path.startswith("/"):
        return Path(path).absolute()
    return Path("/" + rest.lstrip("/")) if scheme == "file" else None


def read_state(path: str) -> SavedState | None:
    """Return the state at a path, None where only Flink can reach it.

    Raises:
        SavedStateError: There is none.
    """
    folder = folder_of(path)
    if folder is None:
        return None
    metadata = folder / "_metadata"
    try:
        content, written = metadata.read_bytes(), metadata.stat().st_mtime
    except OSError as error:
        raise SavedStateError(
            f"no checkpoint or savepoint at {path}: {metadata} cannot be read "
            f"({type(error).__name__}). Give the folder that holds _metadata; "
            "`farol jobs list --json` says what each job can resume from"
        ) from error
    if len(content) < _HEADER.size or _HEADER.unpack_from(content)[0] != _MAGIC:
        raise SavedStateError(f"{metadata} is no metadata of a checkpoint or savepoint of Flink")
    return SavedState(
        path, _HEADER.unpack_from(content)[2], _job_prefix(folder), int(written * 1000), content
    )


def _job_prefix(folder: Path) -> str:
    """Return the job as `checkpoints/<job>/chk-7` or `savepoints/savepoint-<6 digits>-x` say it."""
    if re.fullmatch(r"chk-\d+", folder.name):
        return folder.parent.name
    match = re.fullmatch(r"savepoint-([0-9a-f]{6})-[0-9a-f]+", folder.name)
    return match.group(1) if match else ""


def later_commits(state: SavedState, commits: Sequence[Commit]) -> list[Commit]:
    """Return the commits of one table, oldest first, that a state does not know.

    Those are the ones of its own job with a higher number, and all of other jobs after the newest
    one that it does know. A state whose job has not committed to the table knows what was there
    when it was written.
    """
    own = [
        place
        for place, commit in enumerate(commits)
        if state.job_prefix and commit.job_id.startswith(state.job_prefix)
    ]
    known = [place for place in own if commits[place].checkpoint <= state.number]
    if own:
        first = known[-1] + 1 if known else own[0]
        return list(commits[first:])
    # a savepoint's own commit follows its metadata; a moved folder does not say whose it is
    is_own = {state.number} if not state.job_prefix else set()
    return [
        commit
        for commit in commits
        if commit.committed_at_ms > state.written_at_ms and commit.checkpoint not in is_own
    ]


def check_is_newest(state: SavedState, tables: Iterable[Sequence[Commit]]) -> None:
    """Want a state that no table has outrun.

    Args:
        state: What a job would resume from.
        tables: The Flink commits of each table, oldest first; those of other jobs' operators are
            left out of account.

    Raises:
        SavedStateError: A table holds later commits; the message says how to go on.
    """
    outrun = []
    for commits in tables:
        mine = [commit for commit in commits if state.holds_operator(commit.operator_id)]
        later = later_commits(state, mine)
        if later:
            kept = mine[: len(mine) - len(later)]
            outrun.append((later[-1], kept[-1] if kept else None))
    if not outrun:
        return
    newest, _ = max(outrun, key=lambda pair: pair[0].committed_at_ms)
    back = [
        f"alter table lake.{last.table} execute rollback_to_snapshot({kept.snapshot_id})"
        for last, kept in outrun
        if kept is not None
    ]
    raise SavedStateError(
        f"{state.path} (checkpoint {state.number}) is older than what the lake holds: "
        f"{len(outrun)} tables have later commits, the newest in {newest.table} "
        f"(checkpoint {newest.checkpoint} of job {newest.job_id}). The records since then would "
        "be written twice or left out without a word. Resume from the newest state (farol jobs "
        "resume NAME), or take the tables back first, which forgets what came since"
        + (f": farol sql {back[0]!r}" if back else "")
        + (f" and {len(back) - 1} more" if len(back) > 1 else "")
    )


def commits_by_table(url: str) -> list[list[Commit]]:
    """Return the Flink commits of each table of a catalog, oldest first, over its REST protocol.

    None where no catalog answers: a job that needs it cannot be submitted without it, and one that
    does not need it shall not wait. Plain requests, as the keeper asks too and shall not load a
    client of the whole lakehouse.
    """
    with _client(url) as client:
        try:
            return [_commits(client, name) for name in _tables(client)]
        except httpx.TransportError:
            return []


def commits_of(url: str, table: str) -> list[Commit]:
    """Return the Flink commits of one table, oldest first.

    Raises:
        httpx.HTTPError: The catalog does not answer; no commits would mean that nobody writes.
    """
    namespace, _, name = table.partition(".")
    with _client(url) as client:
        answer = client.get(f"/v1/namespaces/{namespace}/tables/{name}").raise_for_status()
        return chain(table, answer.json()["metadata"])


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False)


def _tables(client: httpx.Client) -> list[tuple[str, str]]:
    found = []
    for namespace in _NAMESPACES:
        answer = client.get(f"/v1/namespaces/{namespace}/tables")
        if answer.is_success:
            found += [(namespace, row["name"]) for row in answer.json()["identifiers"]]
    return found


def _commits(client: httpx.Client, name: tuple[str, str]) -> list[Commit]:
    answer = client.get("/v1/namespaces/{}/tables/{}".format(*name))
    return chain(".".join(name), answer.json()["metadata"]) if answer.is_success else []


def chain(table: str, metadata: dict[str, Any]) -> list[Commit]:
    """Return the Flink commits among the ancestors of the current snapshot, oldest first."""
    snapshots = {each["snapshot-id"]: each for each in metadata.get("snapshots", [])}
    found = []
    current = snapshots.get(metadata.get("current-snapshot-id"))
    while current is not None:
        summary = current.get("summary", {})
        if "flink.operator-id" in summary:
            found.append(
                Commit(
                    table=table,
                    snapshot_id=current["snapshot-id"],
                    committed_at_ms=current["timestamp-ms"],
                    job_id=summary["flink.job-id"],
                    operator_id=summary["flink.operator-id"],
                    checkpoint=int(summary["flink.max-committed-checkpoint-id"]),
                )
            )
        current = snapshots.get(current.get("parent-snapshot-id"))
    return found[::-1]
