"""What one client watches and has not been sent yet; bounded by what the board holds.

A newer value overwrites an unsent older one of the same entity: a slow client skips steps, it never
falls behind.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from api.live.anomalies import AnomalyBuffer, Noted
from api.live.board import Board, Measured, Placed
from contracts.live import Subscribe, Viewport

POSITIONS: Final = "positions"
SURGE: Final = "surge"
ANOMALIES: Final = "anomalies"


class SnapshotMessage(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot", tag_field="type"):
    """`contracts.live.Snapshot` with its values already encoded; a test holds the two together."""

    sequence: int
    server_time_ms: int
    positions: list[msgspec.Raw]
    zones: list[msgspec.Raw]
    anomalies: list[msgspec.Raw]


class DeltaMessage(msgspec.Struct, frozen=True, kw_only=True, tag="delta", tag_field="type"):
    """`contracts.live.Delta` with its values already encoded; a test holds the two together."""

    sequence: int
    server_time_ms: int
    positions: list[msgspec.Raw]
    zones: list[msgspec.Raw]
    anomalies: list[msgspec.Raw]
    removed: list[str]
    removed_anomalies: list[str]


class Viewer:
    """The buffer of one client.

    Attributes:
        overwritten: Values that were replaced by newer ones before they could be sent.
        needs_snapshot: The next message starts anew, after a subscription or a gap in the source.
    """

    def __init__(self) -> None:
        self.overwritten = 0
        self.needs_snapshot = False
        self._channels: frozenset[str] = frozenset()
        self._viewport: Viewport | None = None
        self._is_everywhere = False
        self._sequence = 0
        self._seen: set[str] = set()
        self._positions: dict[str, Placed] = {}
        self._zones: dict[int, Measured] = {}
        self._removed: set[str] = set()
        self._anomalies = AnomalyBuffer()

    @property
    def has_news(self) -> bool:
        """Whether there is something to send."""
        unsent = (self._positions, self._zones, self._removed, self._anomalies)
        return self.needs_snapshot or any(unsent)

    @property
    def is_subscribed(self) -> bool:
        """Whether the client has said what it wants."""
        return bool(self._channels)

    def subscribe(self, subscription: Subscribe) -> None:
        """Follow a client's wish; the next message is a snapshot."""
        self._channels = frozenset(subscription.channels)
        self._viewport = subscription.viewport
        self._is_everywhere = subscription.anomalies_everywhere
        self.restart()

    def restart(self) -> None:
        """Forget what was sent and what was to be sent; the next message is a snapshot."""
        self.needs_snapshot = self.is_subscribed
        self._seen.clear()
        self._positions.clear()
        self._zones.clear()
        self._removed.clear()
        self._anomalies.clear()

    def move(self, news: Iterable[Placed]) -> None:
        """Note new positions, those that leave the viewport as removed."""
        if POSITIONS not in self._channels or self.needs_snapshot:
            return
        for placed in news:
            entity_id = placed.position.entity_id
            if self._shows(placed):
                if entity_id in self._positions:
                    self.overwritten += 1
                self._positions[entity_id] = placed
                self._removed.discard(entity_id)
            else:
                self._drop(entity_id)

    def measure(self, news: Iterable[Measured]) -> None:
        """Note new metrics of zones."""
        if SURGE not in self._channels or self.needs_snapshot:
            return
        for measured in news:
            zone_id = measured.metrics.zone_id
            if zone_id in self._zones:
                self.overwritten += 1
            self._zones[zone_id] = measured

    def remove(self, entity_ids: Iterable[str]) -> None:
        """Note entities that are gone."""
        for entity_id in entity_ids:
            self._drop(entity_id)

    def note(self, news: Iterable[Noted], gone: Iterable[str]) -> None:
        """Note new anomalies, and identifiers of those that are no longer kept."""
        if ANOMALIES not in self._channels or self.needs_snapshot:
            return
        self._anomalies.note([n for n in news if self._shows_anomaly(n)])
        self._anomalies.drop(gone)

    def message(self, board: Board, server_time_ms: int) -> bytes:
        """Return the next message: a snapshot if due, else what is new (nothing: a heartbeat)."""
        self._sequence += 1
        if self.needs_snapshot:
            return self._snapshot(board, server_time_ms)
        anomalies, removed_anomalies = self._anomalies.take()
        delta = DeltaMessage(
            sequence=self._sequence,
            server_time_ms=server_time_ms,
            positions=[placed.json for placed in self._positions.values()],
            zones=[measured.json for measured in self._zones.values()],
            anomalies=anomalies,
            removed=sorted(self._removed),
            removed_anomalies=removed_anomalies,
        )
        self._seen |= self._positions.keys()
        self._seen -= self._removed
        self._positions.clear()
        self._zones.clear()
        self._removed.clear()
        return msgspec.json.encode(delta)

    def _snapshot(self, board: Board, server_time_ms: int) -> bytes:
        self.restart()
        self.needs_snapshot = False
        visible: list[Placed] = []
        if POSITIONS in self._channels:
            visible = [placed for placed in board.positions.values() if self._shows(placed)]
        self._seen = {placed.position.entity_id for placed in visible}
        zones = board.zones.values() if SURGE in self._channels else ()
        noted = board.anomalies.noted.values() if ANOMALIES in self._channels else ()
        return msgspec.json.encode(
            SnapshotMessage(
                sequence=self._sequence,
                server_time_ms=server_time_ms,
                positions=[placed.json for placed in visible],
                zones=[measured.json for measured in zones],
                anomalies=self._anomalies.start([n for n in noted if self._shows_anomaly(n)]),
            )
        )

    def _shows(self, placed: Placed) -> bool:
        box, at = self._viewport, placed.position
        return box is None or (box.south <= at.lat <= box.north and box.west <= at.lon <= box.east)

    def _shows_anomaly(self, noted: Noted) -> bool:
        box, at = self._viewport, noted.anomaly
        if box is None or self._is_everywhere or at.lat is None or at.lon is None:
            return True
        if self._anomalies.knows(at.anomaly_id):
            return True
        return box.south <= at.lat <= box.north and box.west <= at.lon <= box.east

    def _drop(self, entity_id: str) -> None:
        self._positions.pop(entity_id, None)
        if entity_id in self._seen:
            self._removed.add(entity_id)
