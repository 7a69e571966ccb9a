"""The plan of imperfections: which event is touched, how, and when its copies come out.

Seeded, so always the same.

One draw per event decides; most are left alone. Silences are drawn per ping of an active driver.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from contracts.domain import GPS_PINGS, Topic
from contracts.events import DriverStatus, Envelope, GpsPing
from contracts.ledger import FaultKind
from sim.domain.geometry import offset
from sim.domain.scenario import Faults
from sim.publishing.corruption import draw_kind

_BLOCK: Final = 4096
_ACTIVE: Final = (DriverStatus.EN_ROUTE, DriverStatus.AT_PICKUP, DriverStatus.ON_TRIP)
_MS_PER_HOUR: Final = 3_600_000
_TELEPORT_MIN_M: Final = 20_000.0
_TELEPORT_MAX_M: Final = 60_000.0


class Fate(NamedTuple):
    """What happens to one event.

    `delay_ms` is of the copy (duplicate, malformed) or of the event (late).
    """

    fault: FaultKind
    delay_ms: int = 0
    detail: str | None = None
    moved_to: tuple[float, float] | None = None


class Uniforms:
    """Numbers in [0, 1), drawn in blocks: one at a time costs ten times more."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._block: list[float] = []

    def next(self) -> float:
        """Return the next number."""
        if not self._block:
            self._block = self._rng.random(_BLOCK).tolist()
            self._block.reverse()
        return self._block.pop()


class FaultPlan:
    """Decides the fate of each event, in the order in which the engine makes them."""

    def __init__(self, faults: Faults, ping_active_ms: int, rng: np.random.Generator) -> None:
        self._faults = faults
        self._rng = rng
        self._uniforms = Uniforms(rng)
        edges: list[tuple[float, FaultKind]] = []
        total = 0.0
        shares: tuple[tuple[FaultKind, float], ...] = (
            ("duplicate", faults.duplicate_share),
            ("malformed", faults.malformed_share),
            ("late", faults.late_share),
            ("out_of_order", faults.out_of_order_share),
            ("dropped", faults.dropped_share),
            ("teleport", faults.teleport_share),
        )
        for kind, share in shares:
            total += share
            edges.append((total, kind))
        self._edges = edges
        self._any = total
        self._any_not_gps = total - faults.teleport_share
        self._silence_chance = faults.silences_per_driver_hour * ping_active_ms / _MS_PER_HOUR
        self._silent_until_ms: dict[str, int] = {}
        self._silence_number: dict[str, int] = {}

    def fate(self, topic: Topic, event: Envelope, event_time_ms: int) -> Fate | None:
        """Return what happens to an event, None if nothing."""
        is_gps = topic is GPS_PINGS
        if is_gps and self._silence_chance:
            silence = self._silence(event, event_time_ms)
            if silence is not None:
                return silence
        drawn = self._uniforms.next()
        if drawn >= (self._any if is_gps else self._any_not_gps):
            return None
        for edge, kind in self._edges:
            if drawn < edge:
                return self._details(kind, event)
        return None

    def _details(self, kind: FaultKind, event: Envelope) -> Fate:
        faults, rng = self._faults, self._rng
        if kind == "duplicate":
            return Fate(kind, 1 + round(rng.uniform(0.0, faults.duplicate_delay_max_s) * 1000))
        if kind == "malformed":
            return Fate(kind, int(rng.integers(0, 1000)), draw_kind(rng))
        if kind == "late":
            return Fate(kind, round(rng.uniform(faults.late_min_s, faults.late_max_s) * 1000))
        if kind == "out_of_order":
            return Fate(kind, round(rng.uniform(0.1, faults.out_of_order_max_s) * 1000))
        if kind == "teleport" and isinstance(event, GpsPing):
            away_m, angle = rng.uniform(_TELEPORT_MIN_M, _TELEPORT_MAX_M), rng.uniform(0, math.tau)
            moved = offset(event.lat, event.lon, away_m * math.cos(angle), away_m * math.sin(angle))
            return Fate(kind, detail=f"distance_m={away_m:.0f}", moved_to=moved)
        return Fate(kind)

    def _silence(self, event: Envelope, event_time_ms: int) -> Fate | None:
        if not isinstance(event, GpsPing) or event.driver_status is None:
            return None
        entity = event.entity_id
        until_ms = self._silent_until_ms.get(entity)
        if until_ms is None:
            if event.driver_status not in _ACTIVE:
                return None
            if self._uniforms.next() >= self._silence_chance:
                return None
            lasts_s = self._rng.uniform(self._faults.silence_min_s, self._faults.silence_max_s)
            self._silent_until_ms[entity] = event_time_ms + round(lasts_s * 1000)
            self._silence_number[entity] = self._silence_number.get(entity, 0) + 1
        elif event_time_ms >= until_ms:
            del self._silent_until_ms[entity]
            return None
        return Fate("silent_driver", detail=f"silence={self._silence_number[entity]}")
