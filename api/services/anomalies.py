"""Answers: what was wrong with positions, and what still is."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from contracts.anomalies import AnomalyKind, AnomalyPhase, Severity
from contracts.live import Anomaly

_CURSOR: Final = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


class BadCursorError(ValueError):
    """The text is no cursor that an answer gave; the message says so."""


class AnomalyStore(Protocol):
    """What this service asks the store for."""

    def newest_first(self) -> AsyncIterator[tuple[str, Anomaly]]:
        """Return every entry with its cursor, newest first."""
        ...

    async def ended_runs(self) -> set[str]:
        """Return the runs that no longer send, while a newer one does."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which anomalies; None means any."""

    kind: AnomalyKind | None = None
    severity: Severity | None = None
    entity_id: str | None = None
    phase: AnomalyPhase | None = None
    only_open: bool = False


@dataclass(frozen=True, slots=True)
class Reported:
    """One entry, and whether it still lasts."""

    anomaly: Anomaly
    is_open: bool


class AnomalyService:
    """The log of anomalies, newest first."""

    def __init__(self, store: AnomalyStore) -> None:
        self._store = store

    async def newest(
        self, wanted: Wanted, limit: int, cursor: str | None = None
    ) -> tuple[list[Reported], str | None]:
        """Return at most `limit` entries older than the cursor, and the cursor of those after.

        The log is read from its newest entry even for later pages: an end comes after what it ends.

        Raises:
            BadCursorError: The cursor is none that an answer gave.
        """
        before = None if cursor is None else _place(cursor)
        ended_runs = await self._store.ended_runs()
        found, over, last = list[Reported](), set[str](), ""
        async for at, anomaly in self._store.newest_first():
            is_open = (
                anomaly.is_open
                and anomaly.anomaly_id not in over
                and anomaly.run_id not in ended_runs
            )
            if anomaly.phase is AnomalyPhase.CLEARED:
                over.add(anomaly.anomaly_id)
            if before is not None and _place(at) >= before:
                continue
            if not _fits(anomaly, is_open, wanted):
                continue
            if len(found) == limit:
                return found, last
            found.append(Reported(anomaly, is_open))
            last = at
        return found, None


def _fits(anomaly: Anomaly, is_open: bool, wanted: Wanted) -> bool:
    return (
        (wanted.kind is None or anomaly.kind is wanted.kind)
        and (wanted.severity is None or anomaly.severity is wanted.severity)
        and (wanted.entity_id is None or anomaly.entity_id == wanted.entity_id)
        and (wanted.phase is None or anomaly.phase is wanted.phase)
        and (is_open or not wanted.only_open)
    )


def _place(cursor: str) -> tuple[int, int]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursorError(f"{cursor!r} is no cursor of this list")
    return int(found[1]), int(found[2])
