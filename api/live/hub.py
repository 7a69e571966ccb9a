"""Spreads what the listener hears to all clients; nothing here awaits one of them."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from api.live.anomalies import Noted
from api.live.board import Board
from api.live.viewer import Viewer
from api.telemetry import Telemetry
from contracts.live import Anomaly, Position, Problem, ZoneMetrics


class HubFullError(Exception):
    """As many clients are connected as the settings allow."""


@dataclass(eq=False, slots=True)
class Client:
    """One connection: its buffer, the notices for it, and the bell that wakes its sender."""

    viewer: Viewer = field(default_factory=Viewer)
    notices: list[bytes] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    counted_overwritten: int = 0


class Hub:
    """Newest values and the clients that watch them; every method returns at once."""

    def __init__(self, telemetry: Telemetry, max_clients: int) -> None:
        self.board = Board()
        self.is_connected = False
        self._clients: set[Client] = set()
        self._telemetry = telemetry
        self._max_clients = max_clients

    @property
    def client_count(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    def join(self) -> Client:
        """Return the place of a new client.

        Raises:
            HubFullError: There is no place left.
        """
        if len(self._clients) >= self._max_clients:
            raise HubFullError(f"{self._max_clients} clients are connected, which is the limit")
        client = Client()
        self._clients.add(client)
        self._telemetry.clients.set(len(self._clients))
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)
        self._telemetry.clients.set(len(self._clients))

    def place(self, positions: Iterable[Position]) -> None:
        """Take new positions and pass on those that are news."""
        news = self.board.place(positions)
        if not news:
            return
        for client in self._clients:
            client.viewer.move(news)
            self._ring(client)

    def measure(self, zones: Iterable[ZoneMetrics]) -> None:
        """Take new metrics of zones and pass on those that are news."""
        news = self.board.measure(zones)
        if not news:
            return
        for client in self._clients:
            client.viewer.measure(news)
            self._ring(client)

    def note(self, anomalies: Iterable[Anomaly]) -> None:
        """Take new anomalies and pass on those that are news."""
        self._tell_anomalies(*self.board.anomalies.note(anomalies))

    def forget_runs(self, run_ids: set[str]) -> None:
        """Forget the anomalies of runs that are over."""
        self._tell_anomalies([], self.board.anomalies.forget_runs(run_ids))

    def keep_only(self, entity_ids: set[str]) -> None:
        """Forget entities that Redis no longer has."""
        gone = self.board.keep_only(entity_ids)
        if not gone:
            return
        for client in self._clients:
            client.viewer.remove(gone)
            self._ring(client)

    def source_found(
        self,
        positions: Iterable[Position],
        zones: Iterable[ZoneMetrics],
        anomalies: Iterable[Anomaly] = (),
    ) -> None:
        """Start anew from what Redis holds: every client gets a snapshot.

        Anomalies come oldest first.
        """
        self.board.replace(positions, zones, anomalies)
        self.is_connected = True
        for client in self._clients:
            client.viewer.restart()
            self._ring(client)

    def source_lost(self, reason: str) -> None:
        """Tell every client that what it sees stands still."""
        if not self.is_connected:
            return
        self.is_connected = False
        notice = lost_notice(reason)
        for client in self._clients:
            client.notices[:] = [notice]
            self._ring(client)

    def next_message(self, client: Client) -> bytes:
        """Return what a client is to be sent now."""
        fresh = client.viewer.overwritten - client.counted_overwritten
        client.counted_overwritten = client.viewer.overwritten
        self._telemetry.overwritten.inc(fresh)
        return client.viewer.message(self.board, time.time_ns() // 1_000_000)

    def _tell_anomalies(self, news: list[Noted], gone: list[str]) -> None:
        if not news and not gone:
            return
        for client in self._clients:
            client.viewer.note(news, gone)
            self._ring(client)

    @staticmethod
    def _ring(client: Client) -> None:
        if client.viewer.has_news or client.notices:
            client.bell.set()


def lost_notice(reason: str) -> bytes:
    """Return the message that says that the source is lost."""
    text = f"The live source is lost ({reason}); the map stands still until it is back."
    return msgspec.json.encode(Problem(message=text))
