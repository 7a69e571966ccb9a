"""The plan of imperfections: which event is touched, how, and when its copies come out.

Seeded, so always the same.

One number per event decides; most are left alone. Those of pings follow from seed, entity and
sequence (see `sim.engine.pings`), those of all else from a generator in the order of events.
Silences are decided per ping of an active driver.
"""

import math
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from contracts.events import DriverStatus
from contracts.ledger import FaultKind
from sim.domain.scenario import Faults
from sim.engine.pings import Integers, PingBlock, shares
from sim.engine.streams import Streams
from sim.publishing.corruption import draw_kind

_BLOCK: Final = 4096
_ACTIVE: Final = (DriverStatus.EN_ROUTE, DriverStatus.AT_PICKUP, DriverStatus.ON_TRIP)
_MS_PER_HOUR: Final = 3_600_000
_TELEPORT_MIN_M: Final = 20_000.0
_TELEPORT_MAX_M: Final = 60_000.0
_DETAILS: Final = 2
"""Numbers that the details of one fault need at most."""


class Fate(NamedTuple):
    """What happens to one event.

    `delay_ms` is of the copy (duplicate, malformed) or of the event (late). `away_m` is how far
    north and east of the truth a ping claims to be.
    """

    fault: FaultKind
    delay_ms: int = 0
    detail: str | None = None
    away_m: tuple[float, float] | None = None


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
    """Decides the fate of each event."""

    def __init__(self, faults: Faults, ping_active_ms: int, streams: Streams) -> None:
        self._faults = faults
        self._uniforms = Uniforms(streams.of("faults"))
        edges: list[tuple[float, FaultKind]] = []
        total = 0.0
        kinds: tuple[tuple[FaultKind, float], ...] = (
            ("duplicate", faults.duplicate_share),
            ("malformed", faults.malformed_share),
            ("late", faults.late_share),
            ("out_of_order", faults.out_of_order_share),
            ("dropped", faults.dropped_share),
            ("teleport", faults.teleport_share),
        )
        for kind, share in kinds:
            total += share
            edges.append((total, kind))
        self._edges = edges
        self._any = total
        self._any_not_gps = total - faults.teleport_share
        self._silence_chance = faults.silences_per_driver_hour * ping_active_ms / _MS_PER_HOUR
        self._ping_key = streams.word("ping_faults")
        self._silence_key = streams.word("silences")
        self._detail_key = streams.word("ping_fault_details")
        self._silent_until_ms: dict[int, int] = {}
        self._silence_number: dict[int, int] = {}

    def fate(self) -> Fate | None:
        """Return what happens to the next event that is no ping, None if nothing."""
        drawn = self._uniforms.next()
        return None if drawn >= self._any_not_gps else self._fate(drawn, self._uniforms.next)

    def ping_fates(self, block: PingBlock) -> list[tuple[int, Fate]]:
        """Return what happens to which pings of a block, in their order."""
        fates: dict[int, Fate] = {}
        if self._any:
            drawn = shares(block.counters, self._ping_key)
            touched = np.flatnonzero(drawn < self._any)
            details = self._details_of(block, touched)
            for row, detail in zip(touched.tolist(), details, strict=True):
                fates[row] = self._fate(drawn.item(row), detail.__next__)
        if self._silence_chance:
            fates.update(self._silent(block))
        return sorted(fates.items())

    def _fate(self, drawn: float, uniform: Callable[[], float]) -> Fate:
        kind = next((kind for edge, kind in self._edges if drawn < edge), self._edges[-1][1])
        faults = self._faults
        if kind == "duplicate":
            return Fate(kind, 1 + round(uniform() * faults.duplicate_delay_max_s * 1000))
        if kind == "malformed":
            return Fate(kind, int(uniform() * 1000), draw_kind(uniform()))
        if kind == "late":
            return Fate(kind, _between_ms(uniform(), faults.late_min_s, faults.late_max_s))
        if kind == "out_of_order":
            return Fate(kind, _between_ms(uniform(), 0.1, faults.out_of_order_max_s))
        if kind == "teleport":
            away_m = _TELEPORT_MIN_M + uniform() * (_TELEPORT_MAX_M - _TELEPORT_MIN_M)
            angle = uniform() * math.tau
            away = (away_m * math.cos(angle), away_m * math.sin(angle))
            return Fate(kind, detail=f"distance_m={away_m:.0f}", away_m=away)
        return Fate(kind)

    def _details_of(self, block: PingBlock, rows: Integers) -> list[Iterator[float]]:
        """Return the numbers that the details of each touched ping are made of."""
        words = block.counters[rows]
        columns = [shares(words, self._detail_key + number) for number in range(_DETAILS)]
        return [iter(numbers) for numbers in np.column_stack(columns).tolist()]

    def _silent(self, block: PingBlock) -> dict[int, Fate]:
        """Return the pings that are withheld."""
        drawn = shares(block.counters, self._silence_key)
        begins = {
            row
            for row in np.flatnonzero(drawn < self._silence_chance).tolist()
            if block.labels[row].driver_status in _ACTIVE
        }
        concerned = {*self._silent_until_ms, *(block.entities.item(row) for row in begins)}
        if not concerned:
            return {}
        fates: dict[int, Fate] = {}
        for row in np.flatnonzero(np.isin(block.entities, list(concerned))).tolist():
            entity, at_ms = block.entities.item(row), block.at_ms.item(row)
            until_ms = self._silent_until_ms.get(entity)
            if until_ms is not None and at_ms >= until_ms:
                del self._silent_until_ms[entity]
            elif until_ms is not None or row in begins:
                if until_ms is None:
                    self._begin_silence(entity, at_ms, drawn.item(row) / self._silence_chance)
                number = self._silence_number[entity]
                fates[row] = Fate("silent_driver", detail=f"silence={number}")
        return fates

    def _begin_silence(self, entity: int, at_ms: int, uniform: float) -> None:
        faults = self._faults
        lasts_ms = _between_ms(uniform, faults.silence_min_s, faults.silence_max_s)
        self._silent_until_ms[entity] = at_ms + lasts_ms
        self._silence_number[entity] = self._silence_number.get(entity, 0) + 1


def _between_ms(uniform: float, least_s: float, most_s: float) -> int:
    return round((least_s + uniform * (most_s - least_s)) * 1000)
