"""Pings as columns: nine of ten events are pings, and one at a time they would cost most of a run.

A block holds the pings that came due in one step, ordered by time and entity. All that is random
about a ping is a function of the seed, its entity and its number, so it depends neither on how
time is stepped nor on who else pings.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contracts.events import DriverStatus, EntityType, GpsPing
from contracts.timestamps import rfc3339
from sim.domain.geometry import DEGREE_QUANTUM

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_A: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B: Final = np.uint64(0x94D049BB133111EB)
_SEQUENCE_BITS: Final = np.uint64(32)
_VERSION_8: Final = np.uint64(0x8000)
_VARIANT: Final = np.uint64(0x8000_0000_0000_0000)
_UNIT: Final = 2.0**-53
_FOUR_WORDS_MEAN: Final = 131_070
_FOUR_WORDS_DEVIATION: Final = 37_837.2


class Label:
    """What a ping says about its entity besides where it is.

    A change makes a new label, so that a ping keeps the one it was made with. `encoded` belongs to
    whoever turns pings into bytes: what depends on the label alone is encoded once.
    """

    __slots__ = ("cause_id", "driver_status", "encoded", "entity_id", "entity_type", "trip_id")

    def __init__(
        self,
        entity_type: EntityType,
        entity_id: str,
        driver_status: DriverStatus | None = None,
        trip_id: str | None = None,
        cause_id: str | None = None,
    ) -> None:
        self.entity_type = entity_type
        self.entity_id = entity_id
        self.driver_status = driver_status
        self.trip_id = trip_id
        self.cause_id = cause_id
        self.encoded: Any = None


def mixed(words: Words) -> Words:
    """Return each word scrambled, no two alike unless they were.

    Source: the finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
    """
    words = (words ^ (words >> np.uint64(30))) * _MIX_A
    words = (words ^ (words >> np.uint64(27))) * _MIX_B
    return words ^ (words >> np.uint64(31))


def counters(entities: Integers, sequences: Integers) -> Words:
    """Return one word per ping that no other ping of the run has."""
    return (entities.astype(np.uint64) << _SEQUENCE_BITS) | sequences.astype(np.uint64)


def shares(words: Words, key: int) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) per counter: another key, other numbers."""
    scrambled = mixed(mixed(words ^ np.uint64(key)) + _GOLDEN)
    return (scrambled >> np.uint64(11)).astype(np.float64) * _UNIT


def deviations(words: Words, key: int) -> npt.NDArray[np.float64]:
    """Return a number with mean 0 and variance 1 per counter, within 3.47 of 0.

    It is the sum of four uniform ones (Irwin and Hall), a bell that needs no logarithm: those are
    not rounded the same on every processor.
    """
    scrambled = mixed(mixed(words ^ np.uint64(key)) + _GOLDEN)
    low = np.uint64(0xFFFF)
    total = scrambled & low
    for shift in (16, 32, 48):
        total = total + ((scrambled >> np.uint64(shift)) & low)
    return (total.astype(np.int64) - _FOUR_WORDS_MEAN) / _FOUR_WORDS_DEVIATION


def identities(words: Words, keys: tuple[int, int]) -> tuple[Words, Words]:
    """Return the upper and lower halves of one UUID per counter (version 8: by own rule)."""
    upper = mixed(words ^ np.uint64(keys[0]))
    lower = mixed(mixed(words ^ np.uint64(keys[1])) + _GOLDEN)
    upper = (upper & ~np.uint64(0xF000)) | _VERSION_8
    return upper, (lower & np.uint64(0x3FFF_FFFF_FFFF_FFFF)) | _VARIANT


@dataclass(frozen=True, slots=True)
class PingBlock:
    """Pings ordered by time and entity; all columns have the shape (n,).

    `counters` tell pings apart, `upper` and `lower` are halves of their ids.
    """

    labels: list[Label]
    entities: Integers
    sequences: Integers
    counters: Words
    upper: Words
    lower: Words
    at_ms: Integers
    lats_e7: Integers
    lons_e7: Integers
    speeds_tenth_kmh: Integers
    headings_tenth_deg: Integers
    accuracies_tenth_m: Integers

    def __len__(self) -> int:
        """Return the number of pings."""
        return len(self.labels)

    def taken(self, rows: Integers) -> "PingBlock":
        """Return some of the pings."""
        return PingBlock(
            [self.labels[row] for row in rows.tolist()],
            *(getattr(self, name)[rows] for name in self.__slots__[1:]),
        )

    def events(self, run_id: str) -> Iterator[GpsPing]:
        """Yield the pings as the contract has them, one by one; this is slow."""
        run_columns = zip(
            self.labels,
            self.upper.tolist(),
            self.lower.tolist(),
            self.at_ms.tolist(),
            self.sequences.tolist(),
            strict=True,
        )
        for row, (label, upper, lower, at_ms, sequence) in enumerate(run_columns):
            yield GpsPing(
                event_id=str(uuid.UUID(int=upper << 64 | lower)),
                event_type="gps_ping",
                schema_version=1,
                event_time=rfc3339(at_ms),
                run_id=run_id,
                correlation_id=label.trip_id,
                causation_id=label.cause_id,
                entity_type=label.entity_type,
                entity_id=label.entity_id,
                lat=self.lats_e7.item(row) / DEGREE_QUANTUM,
                lon=self.lons_e7.item(row) / DEGREE_QUANTUM,
                speed_kmh=self.speeds_tenth_kmh.item(row) / 10,
                heading_deg=self.headings_tenth_deg.item(row) / 10,
                accuracy_m=self.accuracies_tenth_m.item(row) / 10,
                seq=sequence,
                trip_id=label.trip_id,
                driver_status=label.driver_status,
            )
