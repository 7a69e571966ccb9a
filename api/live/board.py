"""The newest value of every entity, in memory: what snapshots are made of.

No I/O here. Values keep their JSON beside them, so that many clients cost one encoding.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from api.live.anomalies import AnomalyBoard
from contracts.live import Anomaly, Position, ZoneMetrics

MAX_ENTITIES: Final = 200_000
"""Beyond this, new entities are refused: a broken producer must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A position and its JSON."""

    position: Position
    json: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of a zone and their JSON."""

    metrics: ZoneMetrics
    json: msgspec.Raw


class Board:
    """Newest values; within one run an older one never replaces a newer one."""

    def __init__(self, max_entities: int = MAX_ENTITIES) -> None:
        self._max_entities = max_entities
        self.positions: dict[str, Placed] = {}
        self.zones: dict[int, Measured] = {}
        self.anomalies = AnomalyBoard()
        self.refused = 0

    def place(self, positions: Iterable[Position]) -> list[Placed]:
        """Take positions; return those that were news."""
        news = []
        for position in positions:
            known = self.positions.get(position.entity_id)
            if known is None and len(self.positions) >= self._max_entities:
                self.refused += 1
                continue
            if known is not None and not _is_newer_position(position, known.position):
                continue
            placed = Placed(position, msgspec.Raw(msgspec.json.encode(position)))
            self.positions[position.entity_id] = placed
            news.append(placed)
        return news

    def measure(self, zones: Iterable[ZoneMetrics]) -> list[Measured]:
        """Take metrics of zones; return those that were news."""
        news = []
        for metrics in zones:
            known = self.zones.get(metrics.zone_id)
            if known is None and len(self.zones) >= self._max_entities:
                self.refused += 1
                continue
            if known is not None and not _is_newer_window(metrics, known.metrics):
                continue
            measured = Measured(metrics, msgspec.Raw(msgspec.json.encode(metrics)))
            self.zones[metrics.zone_id] = measured
            news.append(measured)
        return news

    def keep_only(self, entity_ids: set[str]) -> list[str]:
        """Forget the entities that are not among the given ones; return the forgotten."""
        gone = [entity_id for entity_id in self.positions if entity_id not in entity_ids]
        for entity_id in gone:
            del self.positions[entity_id]
        return gone

    def replace(
        self,
        positions: Iterable[Position],
        zones: Iterable[ZoneMetrics],
        anomalies: Iterable[Anomaly],
    ) -> None:
        """Take what Redis holds as everything there is; anomalies oldest first."""
        self.positions.clear()
        self.zones.clear()
        self.place(positions)
        self.measure(zones)
        self.anomalies.replace(anomalies)


def _is_newer_position(new: Position, known: Position) -> bool:
    # Event time of another run says nothing about this one: a restarted city begins its day again.
    if new.run_id != known.run_id:
        return True
    return (new.event_time_ms, new.seq) > (known.event_time_ms, known.seq)


def _is_newer_window(new: ZoneMetrics, known: ZoneMetrics) -> bool:
    return new.run_id != known.run_id or new.window_end_ms > known.window_end_ms
