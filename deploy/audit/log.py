"""What a topic holds, judged record by record, kept as columns: a run has millions of them."""

from array import array
from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Self

import msgspec
import numpy as np
import pyarrow as pa

from contracts.domain import DOMAINS, input_topic
from contracts.events import CONTROL_TYPES
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from deploy.audit.columns import NO_TIME, Booleans, Integers
from deploy.audit.entities import EntityBuilder, EntityRows, glance_decoder

Ranges = Mapping[int, tuple[int, int | None]]
"""First offset and the one behind the last (None: the run goes on) by partition."""
PARTITION_SHIFT: Final = 48
"""A record's place in its topic is one integer: partition above, offset below."""
_OFFSET_MASK: Final = (1 << PARTITION_SHIFT) - 1


class Kind(IntEnum):
    """What a record is, seen without the ledger."""

    EVENT = 0
    CONTROL = 1
    MALFORMED = 2


def digest(value: bytes | None) -> int:
    """Return 64 bits that differ where the bytes differ; equal within this process only."""
    return hash(value) if value is not None else 0


def places(partitions: Integers, offsets: Integers) -> Integers:
    """Return one integer per record that names its partition and offset."""
    return (partitions << PARTITION_SHIFT) | offsets


def place_name(topic: str, place: int) -> str:
    """Return a place as topic/partition/offset."""
    return f"{topic}/{place >> PARTITION_SHIFT}/{place & _OFFSET_MASK}"


def inside(place: Integers, ranges: Ranges, ends: Mapping[int, int]) -> Booleans:
    """Return which places lie in the offsets of a run, up to the end of the log."""
    found = np.zeros(len(place), dtype=np.bool_)
    for partition, (first, end) in ranges.items():
        last = ends.get(partition, first) if end is None else end
        low, high = (partition << PARTITION_SHIFT) | first, (partition << PARTITION_SHIFT) | last
        found |= (place >= low) & (place < high)
    return found


class TopicLog(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a topic between two offsets of each partition, ordered by place."""

    topic: str
    place: Integers
    digest: Integers
    kind: Integers
    is_own: Booleans
    """Whether the record carries the run's id as a header."""
    event_time_ms: Integers
    """`NO_TIME` for the malformed."""
    event_id: pa.StringArray
    """Null for the malformed."""
    reasons: dict[int, str]
    """Why a record is malformed, by place."""
    keys: dict[int, str]
    """Key of the malformed records, by place."""
    ends: dict[int, int]
    """Offset behind the newest record, by partition."""
    resent: frozenset[int] = frozenset()
    """Places of malformed records that were repaired and sent again: no producer's own."""
    entities: EntityRows | None = None
    """The run's whereabouts in all that was read, where the topic is about such."""

    def within(self, ranges: Ranges) -> Self:
        """Return the part between the offsets of a run; without an end it goes on to the log's."""
        rows = np.flatnonzero(inside(self.place, ranges, self.ends))
        kept = set(self.place[rows].tolist()) if self.reasons else set()
        return msgspec.structs.replace(
            self,
            place=self.place[rows],
            digest=self.digest[rows],
            kind=self.kind[rows],
            is_own=self.is_own[rows],
            event_time_ms=self.event_time_ms[rows],
            event_id=self.event_id.take(rows),
            reasons={place: reason for place, reason in self.reasons.items() if place in kept},
            keys={place: key for place, key in self.keys.items() if place in kept},
            resent=self.resent & set(self.place[rows].tolist()) if self.resent else self.resent,
        )

    def events_up_to(self, newest: Mapping[int, int]) -> set[str]:
        """Return the events up to the newest offset, inclusive, that a reader has seen."""
        last = np.full(len(self.place), -1, dtype=np.int64)
        partitions = self.place >> PARTITION_SHIFT
        for partition, offset in newest.items():
            last[partitions == partition] = (partition << PARTITION_SHIFT) | offset
        rows = np.flatnonzero((self.place <= last) & (self.kind == Kind.EVENT))
        return {str(event_id) for event_id in self.event_id.take(rows).to_pylist()}

    def own_reasons(self) -> Counter[tuple[str, str]]:
        """Return how often each (key, reason) occurs among the run's malformed records."""
        own = set(self.place[self.is_own & (self.kind == Kind.MALFORMED)].tolist())
        return Counter(
            (self.keys[place], reason) for place, reason in self.reasons.items() if place in own
        )

    def newest_ms(self) -> dict[int, int]:
        """Return the newest event time of each partition that has a well-formed record."""
        is_well_formed = self.kind != Kind.MALFORMED
        partitions = self.place[is_well_formed] >> PARTITION_SHIFT
        times = self.event_time_ms[is_well_formed]
        return {
            partition: int(times[partitions == partition].max())
            for partition in np.unique(partitions).tolist()
        }

    def first_copies(self) -> Booleans:
        """Return which records are the first well-formed copy of their event."""
        rows = np.flatnonzero(self.kind == Kind.EVENT)
        ids = self.event_id.take(rows).dictionary_encode().indices.to_numpy()
        _, first = np.unique(ids, return_index=True)
        mask = np.zeros(len(self.place), dtype=np.bool_)
        mask[rows[first]] = True
        return mask


def _integers(values: "array[int]") -> Integers:
    return np.frombuffer(values, dtype=np.int64) if values else np.array([], dtype=np.int64)


class LogBuilder:
    """Collects the records of one topic."""

    def __init__(self, topic: str, run_id: str) -> None:
        self._topic = topic
        self._run_id = run_id.encode()
        self._domain = DOMAINS[input_topic(topic).domain]
        # Arrays of 8 bytes: lists of integers would take five times as much of a million records.
        self._places = array("q")
        self._digests = array("q")
        self._kinds = array("q")
        self._own = array("q")
        self._times = array("q")
        self._ids: list[str | None] = []
        self._reasons: dict[int, str] = {}
        self._keys: dict[int, str] = {}
        self._ends: dict[int, int] = {}
        self._resent: set[int] = set()
        self._glance = glance_decoder(topic).decode
        self._entities = EntityBuilder.of(topic, run_id)

    def add(
        self,
        partition: int,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        run_id: bytes | None,
        *,
        is_resent: bool = False,
    ) -> None:
        """Judge a record and keep what the checks need of it."""
        place = (partition << PARTITION_SHIFT) | offset
        if is_resent:
            self._resent.add(place)
        self._places.append(place)
        self._digests.append(digest(value))
        self._own.append(run_id == self._run_id)
        reason = reject_reason(self._topic, value)
        if reason is not None or value is None:
            self._reasons[place] = reason or "null_value"
            self._keys[place] = (key or b"").decode("utf-8", "replace")
            self._kinds.append(Kind.MALFORMED)
            self._times.append(NO_TIME)
            self._ids.append(None)
            return
        seen = self._glance(value)
        event_time_ms = epoch_ms(seen.event_time)
        self._kinds.append(Kind.CONTROL if seen.event_type in CONTROL_TYPES else Kind.EVENT)
        self._times.append(event_time_ms)
        self._ids.append(seen.event_id)
        if self._entities is not None:
            self._entities.add(place, event_time_ms, seen)

    def ends_at(self, partition: int, offset: int) -> None:
        """Note the end of a partition."""
        self._ends[partition] = offset

    def build(self) -> TopicLog:
        """Return what was collected, ordered by place."""
        place = _integers(self._places)
        order = np.argsort(place, kind="stable")
        return TopicLog(
            topic=self._topic,
            place=place[order],
            digest=_integers(self._digests)[order],
            kind=_integers(self._kinds)[order],
            is_own=_integers(self._own)[order] != 0,
            event_time_ms=_integers(self._times)[order],
            event_id=pa.array(self._ids, pa.string()).take(order),
            reasons=self._reasons,
            keys=self._keys,
            ends=self._ends,
            resent=frozenset(self._resent),
            entities=None if self._entities is None else self._entities.build(),
        )
