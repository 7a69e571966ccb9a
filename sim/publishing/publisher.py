"""The engine's sink.

Encodes, applies the fault plan, orders by time, counts, and hands records to the port.

Records wait until no earlier one can come any more. Their order depends on the scenario alone, not
on how often `release` is called: it is (time of release, rank, number), where the rank puts
heartbeats behind the events of the same millisecond.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import repeat
from typing import Final

import msgspec
import numpy as np

from contracts.domain import GPS_PINGS, HEARTBEAT_INTERVAL_MS, STREAM_END_MARGIN_MS, Topic
from contracts.events import ControlRecord, ControlType, Envelope
from contracts.ledger import RecordKind
from contracts.timestamps import rfc3339
from sim.domain.geometry import (
    DEGREE_QUANTUM,
    METRES_PER_DEGREE_LATITUDE,
    METRES_PER_DEGREE_LONGITUDE,
)
from sim.engine.pings import PingBlock
from sim.engine.stamping import uuid5_text
from sim.publishing.corruption import corrupt
from sim.publishing.faults import Fate, FaultPlan
from sim.publishing.ledger import TruthLedger
from sim.publishing.ping_encoding import PingEncoder
from sim.publishing.port import Port
from sim.publishing.record import Record, traceparent

_EVENT: Final = 0
_PING: Final = 1
_COPY: Final = 2  # added to the rank of its original
_CONTROL: Final = 4
_GPS_TOPIC: Final = GPS_PINGS.name
_CHANGED: Final = frozenset({"late", "out_of_order", "teleport", "inaccurate", "frozen_gps"})
"""Faults of the clean copy itself; others withhold it or add a copy."""

Waiting = tuple[int, int, int, Record]


class Publisher:
    """Publishes one run."""

    def __init__(
        self,
        *,
        run_id: str,
        namespace: bytes,
        topics: tuple[Topic, ...],
        port: Port,
        plan: FaultPlan,
        ledger: TruthLedger,
        start_ms: int,
        is_muted: bool = False,
    ) -> None:
        """Set up with nothing to send.

        Args:
            run_id: The run.
            namespace: Of the run's UUIDs.
            topics: Where control records go.
            port: Where all records go.
            plan: The faults.
            ledger: The truth.
            start_ms: Simulated time at the start.
            is_muted: Whether what is published went out already, until `unmute`.
        """
        self.is_muted = is_muted
        self._run_id = run_id
        self._namespace = namespace
        self._topics = topics
        self._port = port
        self._plan = plan
        self._ledger = ledger
        self._encode = msgspec.json.Encoder().encode
        self._waiting: list[Waiting] = []
        self._pings: list[Record] = []
        self._muted_pings = 0
        self._ping_encoder = PingEncoder(run_id)
        self._number = self._ping_number = 0
        self._control_number = 0
        self._next_heartbeat_ms = start_ms + HEARTBEAT_INTERVAL_MS
        self._newest_ms = start_ms
        self.produced: Counter[tuple[str, RecordKind]] = Counter()

    def emit(self, topic: Topic, key: str, event: Envelope, event_time_ms: int) -> None:
        """Take one event of the engine that is no ping."""
        if not self.is_muted:
            self._ledger.record(event, event_time_ms)
        self._number += 1
        event_id = event.event_id
        record = Record(
            topic.name,
            key.encode(),
            self._encode(event),
            "clean",
            event_id,
            event_time_ms,
            traceparent(event_id, event.correlation_id),
        )
        fate = self._plan.fate()
        if fate is None:
            self._waiting.append((event_time_ms, _EVENT, self._number, record))
        else:
            self._spoil(record, fate, _EVENT, self._number)

    def emit_pings(self, block: PingBlock) -> None:
        """Take the pings of one step of time, ordered by time and entity."""
        fates = self._plan.ping_fates(block)
        _spoil_places(block, fates)
        self._newest_ms = max(self._newest_ms, block.at_ms.item(-1))
        if self.is_muted:  # counted, not made: only what waits must be there when publishing begins
            self._muted_pings += len(block) - len(fates)
            faulty = self._records(block.taken(np.array([row for row, _ in fates], dtype=np.int64)))
        else:
            self._ledger.last_ms = max(self._ledger.last_ms, block.at_ms.item(-1))
            pings = self._records(block)
            faulty = [pings[row] for row, _ in fates]
            for row, _ in reversed(fates):
                del pings[row]
            self._pings.extend(pings)
        for record, (_, fate) in zip(faulty, fates, strict=True):
            self._ping_number += 1
            self._spoil(record, fate, _PING, self._ping_number)

    def release(self, until_ms: int) -> None:
        """Send everything that is due up to a time, heartbeats included.

        Pings are never held back: all that were emitted are due.
        """
        while self._next_heartbeat_ms <= until_ms:
            self._control("stream_heartbeat", self._next_heartbeat_ms)
            self._next_heartbeat_ms += HEARTBEAT_INTERVAL_MS
        waiting, pings, produced = self._waiting, self._pings, self.produced
        waiting.sort()
        count = bisect_left(waiting, (until_ms + 1,))
        times_ms = [ping.event_time_ms for ping in pings]
        records: list[Record] = []
        sent = 0
        for at_ms, rank, _, record in waiting[:count]:
            before = (bisect_left if rank < _PING else bisect_right)(times_ms, at_ms, sent)
            records += pings[sent:before]
            records.append(record)
            sent = before
            produced[record.topic, record.kind] += 1
        records += pings[sent:]
        if pings or self._muted_pings:
            produced[_GPS_TOPIC, "clean"] += len(pings) + self._muted_pings
        if count:
            newest_ms = max(entry[3].event_time_ms for entry in waiting[:count])
            self._newest_ms = max(self._newest_ms, newest_ms)
        del waiting[:count]
        pings.clear()
        self._muted_pings = 0
        if not self.is_muted:
            self._port.send(records)

    def unmute(self) -> None:
        """Publish from here on."""
        self.is_muted = False

    def digest(self) -> str:
        """Return a hash of what was sent and of what waits."""
        waiting = [(at, rank, number, record.value) for at, rank, number, record in self._waiting]
        state = (sorted(self.produced.items()), sorted(waiting), self._next_heartbeat_ms)
        return hashlib.sha256(repr(state).encode()).hexdigest()

    def commit(self) -> None:
        """Bring the ledger up to date."""
        self._ledger.commit(self.produced)

    def end(self) -> None:
        """Send what still waits, then `stream_end` to every partition.

        Return when all of it is safe.
        """
        if self._waiting:
            self.release(max(entry[0] for entry in self._waiting))
        end_ms = self._newest_ms + STREAM_END_MARGIN_MS
        self._control("stream_end", end_ms)
        self._next_heartbeat_ms = end_ms + 1
        self.release(end_ms)
        self._port.flush()
        self._ledger.end(self.produced, self._port.offsets())

    def _records(self, block: PingBlock) -> list[Record]:
        """Return the pings of a block as records; made without a call per record."""
        if not len(block):
            return []
        encoded = self._ping_encoder.encode(block)
        fields = zip(
            repeat(_GPS_TOPIC),
            encoded.keys,
            encoded.values,
            repeat("clean"),
            encoded.event_ids,
            block.at_ms.tolist(),
            encoded.traceparents,
            repeat(None),
            strict=False,
        )
        return list(map(tuple.__new__, repeat(Record), fields))

    def _spoil(self, record: Record, fate: Fate, rank: int, number: int) -> None:
        """Let an event come late, not at all, or with a copy, and note it in the ledger."""
        at_ms = record.event_time_ms
        released_ms: int | None = at_ms + fate.delay_ms
        detail = fate.detail
        if fate.fault in _CHANGED:
            self._waiting.append((at_ms + fate.delay_ms, rank, number, record))
        elif fate.fault in ("dropped", "silent_driver"):
            released_ms = None
        else:
            self._waiting.append((at_ms, rank, number, record))
            copy = record._replace(kind="duplicate")
            if fate.fault == "malformed":
                assert record.value is not None  # noqa: S101 - events have one
                value, detail = corrupt(record.topic, record.value, fate.detail or "")
                copy = record._replace(kind="malformed", value=value)
            self._waiting.append((at_ms + fate.delay_ms, rank + _COPY, number, copy))
        if not self.is_muted:
            assert record.key is not None  # noqa: S101 - only control records have none
            self._ledger.fault(
                record.event_id,
                record.topic,
                fate.fault,
                detail,
                record.key.decode(),
                at_ms,
                released_ms,
            )

    def _control(self, event_type: ControlType, at_ms: int) -> None:
        for topic in self._topics:
            for partition in range(self._port.partitions(topic.name)):
                self._control_number += 1
                event_id = uuid5_text(
                    self._namespace, f"{event_type}/{topic.name}/{partition}/{at_ms}"
                )
                control = ControlRecord(
                    event_id=event_id,
                    event_type=event_type,
                    schema_version=1,
                    event_time=rfc3339(at_ms),
                    run_id=self._run_id,
                )
                record = Record(
                    topic.name,
                    None,
                    self._encode(control),
                    "control",
                    event_id,
                    at_ms,
                    traceparent(event_id, None),
                    partition,
                )
                self._waiting.append((at_ms, _CONTROL, self._control_number, record))


def _spoil_places(block: PingBlock, fates: list[tuple[int, Fate]]) -> None:
    """Change what faulty pings say about their place."""
    for row, fate in fates:
        if fate.away_m is not None:
            north_m, east_m = fate.away_m
            block.lats_e7[row] += round(north_m / METRES_PER_DEGREE_LATITUDE * DEGREE_QUANTUM)
            block.lons_e7[row] += round(east_m / METRES_PER_DEGREE_LONGITUDE * DEGREE_QUANTUM)
        elif fate.place_e7 is not None:
            block.lats_e7[row], block.lons_e7[row] = fate.place_e7
        elif fate.accuracy_tenth_m is not None:
            block.accuracies_tenth_m[row] = fate.accuracy_tenth_m
