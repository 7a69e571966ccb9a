"""The plan of imperfections: which event is touched, how, and when its copies come out.

Seeded, so always the same.

One number per event decides; most are left alone. Those of pings follow from seed, entity and
sequence (see `sim.engine.pings`), those of all else from a generator in the order of events.
Silences and freezes begin at a ping of a driver with a trip.
"""

import math
from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

import numpy as np

from contracts.anomalies import OUTLIER_ACCURACY_M
from contracts.events import DriverStatus
from contracts.ledger import FaultKind
from sim.domain.geometry import Floats
from sim.domain.scenario import Faults
from sim.engine.fleet import NEVER
from sim.engine.pings import Integers, PingBlock, shares
from sim.engine.streams import Streams
from sim.publishing.corruption import draw_kind

_BLOCK: Final = 4096
_MOVING: Final = (DriverStatus.EN_ROUTE, DriverStatus.ON_TRIP)
_ACTIVE: Final = (*_MOVING, DriverStatus.AT_PICKUP)
_MS_PER_HOUR: Final = 3_600_000
_TELEPORT_MIN_M: Final = 20_000.0
_TELEPORT_MAX_M: Final = 60_000.0
_INACCURATE_MIN_M: Final = 1.5 * OUTLIER_ACCURACY_M
_INACCURATE_SPREAD_M: Final = 350.0
_DETAILS: Final = 2
"""Numbers that the details of one fault need at most."""


class Fate(NamedTuple):
    """What happens to one event.

    `delay_ms` is of the copy (duplicate, malformed) or of the event (late). `away_m` is how far
    north and east of the truth a ping claims to be, `place_e7` where (north, east, 1e-7 degrees) a
    frozen one says it is, `accuracy_tenth_m` what an inaccurate one admits.
    """

    fault: FaultKind
    delay_ms: int = 0
    detail: str | None = None
    away_m: tuple[float, float] | None = None
    place_e7: tuple[int, int] | None = None
    accuracy_tenth_m: int | None = None


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
            ("inaccurate", faults.inaccurate_share),
        )
        for kind, share in kinds:
            total += share
            edges.append((total, kind))
        self._edges = edges
        self._any = total
        self._any_not_gps = total - faults.teleport_share - faults.inaccurate_share
        self._silence_chance = faults.silences_per_driver_hour * ping_active_ms / _MS_PER_HOUR
        self._ping_key = streams.word("ping_faults")
        self._silence_key = streams.word("silences")
        self._detail_key = streams.word("ping_fault_details")
        self._silences = _Spells()
        self._freeze_chance = faults.freezes_per_driver_hour * ping_active_ms / _MS_PER_HOUR
        self._freeze_key = streams.word("freezes")
        self._freezes = _Spells()

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
        if self._freeze_chance:
            fates.update(self._frozen(block))
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
        if kind == "inaccurate":
            tenths = round((_INACCURATE_MIN_M + uniform() * _INACCURATE_SPREAD_M) * 10)
            return Fate(kind, detail=f"accuracy_m={tenths / 10:g}", accuracy_tenth_m=tenths)
        return Fate(kind)

    def _details_of(self, block: PingBlock, rows: Integers) -> list[Iterator[float]]:
        """Return the numbers that the details of each touched ping are made of."""
        words = block.counters[rows]
        columns = [shares(words, self._detail_key + number) for number in range(_DETAILS)]
        return [iter(numbers) for numbers in np.column_stack(columns).tolist()]

    def _silent(self, block: PingBlock) -> dict[int, Fate]:
        """Return the pings that are withheld."""
        faults = self._faults
        drawn = shares(block.counters, self._silence_key)
        begins = self._begins(block, drawn, self._silence_chance, _ACTIVE)
        fates: dict[int, Fate] = {}
        for row in self._silences.concerned(block, begins):
            entity, at_ms = block.entities.item(row), block.at_ms.item(row)
            if self._silences.is_over(entity, at_ms):
                continue
            if self._silences.number(entity) is None:
                if row not in begins:
                    continue
                uniform = drawn.item(row) / self._silence_chance
                lasts_ms = _between_ms(uniform, faults.silence_min_s, faults.silence_max_s)
                self._silences.begin(entity, at_ms + lasts_ms)
            fates[row] = Fate("silent_driver", detail=f"silence={self._silences.number(entity)}")
        return fates

    def _frozen(self, block: PingBlock) -> dict[int, Fate]:
        """Return the pings that repeat the point at which their receiver froze.

        The first of them tells where it truly is. It thaws when the driver stands by status.
        """
        faults = self._faults
        drawn = shares(block.counters, self._freeze_key)
        begins = self._begins(block, drawn, self._freeze_chance, _MOVING)
        fates: dict[int, Fate] = {}
        for row in self._freezes.concerned(block, begins):
            entity, at_ms = block.entities.item(row), block.at_ms.item(row)
            moves = block.labels[row].driver_status in _MOVING
            if self._freezes.is_over(entity, at_ms if moves else NEVER):
                continue
            if place_e7 := self._freezes.place_e7(entity):
                detail = f"freeze={self._freezes.number(entity)}"
                fates[row] = Fate("frozen_gps", detail=detail, place_e7=place_e7)
            elif row in begins:
                uniform = drawn.item(row) / self._freeze_chance
                lasts_ms = _between_ms(uniform, faults.freeze_min_s, faults.freeze_max_s)
                here_e7 = block.lats_e7.item(row), block.lons_e7.item(row)
                self._freezes.begin(entity, at_ms + lasts_ms, here_e7)
        return fates

    @staticmethod
    def _begins(
        block: PingBlock, drawn: Floats, chance: float, statuses: Collection[DriverStatus]
    ) -> set[int]:
        return {
            row
            for row in np.flatnonzero(drawn < chance).tolist()
            if block.labels[row].driver_status in statuses
        }


class _Spells:
    """Stretches of time in which something is wrong with an entity, numbered per entity."""

    def __init__(self) -> None:
        self._until_ms: dict[int, int] = {}
        self._places_e7: dict[int, tuple[int, int]] = {}
        self._numbers: dict[int, int] = {}

    def concerned(self, block: PingBlock, begins: set[int]) -> list[int]:
        """Return the pings of those in whose spell they are, or whose spell begins in the block."""
        entities = {*self._until_ms, *(block.entities.item(row) for row in begins)}
        if not entities:
            return []
        rows: list[int] = np.flatnonzero(np.isin(block.entities, list(entities))).tolist()
        return rows

    def begin(self, entity: int, until_ms: int, place_e7: tuple[int, int] | None = None) -> None:
        """Begin a spell."""
        self._until_ms[entity] = until_ms
        self._numbers[entity] = self._numbers.get(entity, 0) + 1
        if place_e7 is not None:
            self._places_e7[entity] = place_e7

    def number(self, entity: int) -> int | None:
        """Return the number of the spell an entity is in, None if in none."""
        return self._numbers[entity] if entity in self._until_ms else None

    def place_e7(self, entity: int) -> tuple[int, int] | None:
        """Return where the spell of an entity began, None if it is in none."""
        return self._places_e7.get(entity)

    def is_over(self, entity: int, at_ms: int) -> bool:
        """End the spell of an entity whose time has come; return whether that was just now."""
        if at_ms < self._until_ms.get(entity, NEVER + 1):
            return False
        del self._until_ms[entity]
        self._places_e7.pop(entity, None)
        return True


def _between_ms(uniform: float, least_s: float, most_s: float) -> int:
    return round((least_s + uniform * (most_s - least_s)) * 1000)
