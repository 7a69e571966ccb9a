"""The newest anomalies in memory, and what one client has not been sent of them. No I/O here.

Anomalies that last come twice with one identifier, raised and then cleared: the clearing takes the
place of what it ends. Both sides are bounded, so neither a storm of bad pings nor a slow client
fills the memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from contracts.anomalies import AnomalyPhase
from contracts.live import Anomaly

ANOMALIES_SHOWN: Final = 500
"""Kept for viewers, some 250 kB; the REST API reads on in the stream."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An anomaly and its JSON."""

    anomaly: Anomaly
    json: msgspec.Raw


class AnomalyBoard:
    """The newest anomalies by identifier, in the order they came; those that last stay longest."""

    def __init__(self, shown: int = ANOMALIES_SHOWN) -> None:
        self._shown = shown
        self.noted: dict[str, Noted] = {}
        self._over: dict[str, None] = {}

    def note(self, anomalies: Iterable[Anomaly]) -> tuple[list[Noted], list[str]]:
        """Take anomalies; return those that were news, and the identifiers that made room."""
        news, gone = dict[str, Noted](), dict[str, None]()
        for anomaly in anomalies:
            identifier = anomaly.anomaly_id
            known = self.noted.get(identifier)
            if known is not None and not _ends(anomaly, known.anomaly):
                continue
            noted = Noted(anomaly, msgspec.Raw(msgspec.json.encode(anomaly)))
            # Out and in again: what has just ended is news, so it counts as the newest.
            self.noted.pop(identifier, None)
            self.noted[identifier] = news[identifier] = noted
            if not anomaly.is_open:
                self._over[identifier] = None
            gone.pop(identifier, None)
            if len(self.noted) > self._shown:
                leaving = next(iter(self._over or self.noted))
                self._remove(leaving)
                news.pop(leaving, None)
                gone[leaving] = None
        return list(news.values()), list(gone)

    def replace(self, anomalies: Iterable[Anomaly]) -> None:
        """Take what Redis holds, oldest first, as everything there is."""
        self.noted.clear()
        self._over.clear()
        self.note(anomalies)

    def forget_runs(self, run_ids: set[str]) -> list[str]:
        """Forget the anomalies of these runs; return the identifiers of the forgotten."""
        gone = [key for key, noted in self.noted.items() if noted.anomaly.run_id in run_ids]
        for identifier in gone:
            self._remove(identifier)
        return gone

    def _remove(self, identifier: str) -> None:
        del self.noted[identifier]
        self._over.pop(identifier, None)


class AnomalyBuffer:
    """What one client has yet to be told: at most what the board holds, and what it gave up."""

    def __init__(self) -> None:
        self._unsent: dict[str, Noted] = {}
        self._seen: set[str] = set()
        self._gone: set[str] = set()

    def __bool__(self) -> bool:
        """Return whether there is anything to tell."""
        return bool(self._unsent or self._gone)

    def knows(self, identifier: str) -> bool:
        """Return whether the client was or is to be told of it: its end concerns it too."""
        return identifier in self._seen or identifier in self._unsent

    def note(self, news: Iterable[Noted]) -> None:
        """Take what is to be told."""
        for noted in news:
            self._unsent[noted.anomaly.anomaly_id] = noted
            self._gone.discard(noted.anomaly.anomaly_id)

    def drop(self, identifiers: Iterable[str]) -> None:
        """Take back what is no longer kept."""
        for identifier in identifiers:
            self._unsent.pop(identifier, None)
            if identifier in self._seen:
                self._gone.add(identifier)

    def start(self, shown: Iterable[Noted]) -> list[msgspec.Raw]:
        """Begin with what a snapshot shows; return it encoded."""
        self.clear()
        self.note(shown)
        return self.take()[0]

    def take(self) -> tuple[list[msgspec.Raw], list[str]]:
        """Return what is to be told and what to forget, and count it as told."""
        told, gone = [noted.json for noted in self._unsent.values()], sorted(self._gone)
        self._seen |= self._unsent.keys()
        self._seen -= self._gone
        self._unsent.clear()
        self._gone.clear()
        return told, gone

    def clear(self) -> None:
        """Forget what was told and what was to be told."""
        self._unsent.clear()
        self._seen.clear()
        self._gone.clear()


def _ends(new: Anomaly, known: Anomaly) -> bool:
    return new.phase is AnomalyPhase.CLEARED and known.phase is not AnomalyPhase.CLEARED
