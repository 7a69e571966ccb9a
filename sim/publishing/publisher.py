"""The engine's sink.

Encodes, applies the fault plan, orders by time, counts, and hands records to the port.

Records wait until no earlier one can come any more. Their order depends on the scenario alone, not
on how often `release` is called: it is (time of release, rank, number), where the rank puts
heartbeats behind the events of the same millisecond.
"""

import hashlib
from bisect import bisect_left
from collections import Counter
from typing import Final

import msgspec

from contracts.domain import GPS_PINGS, HEARTBEAT_INTERVAL_MS, STREAM_END_MARGIN_MS, Topic
from contracts.events import ControlRecord, ControlType, Envelope, GpsPing
from contracts.ledger import RecordKind
from contracts.timestamps import rfc3339
from sim.engine.stamping import uuid5_text
from sim.publishing.corruption import corrupt
from sim.publishing.faults import Fate, FaultPlan
from sim.publishing.ledger import TruthLedger
from sim.publishing.port import Port
from sim.publishing.record import Record, traceparent

_EVENT: Final = 0
_COPY: Final = 1
_CONTROL: Final = 2
_GPS_TOPIC: Final = GPS_PINGS.name

Waiting = tuple[int, int, int, Record]


def _nowhere(_: Record) -> None:
    """Send nothing: the record went out before the snapshot."""


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
        self._number = 0
        self._control_number = 0
        self._next_heartbeat_ms = start_ms + HEARTBEAT_INTERVAL_MS
        self._newest_ms = start_ms
        self.produced: Counter[tuple[str, RecordKind]] = Counter()

    def emit(self, topic: Topic, key: str, event: Envelope, event_time_ms: int) -> None:
        """Take one event of the engine."""
        if not self.is_muted:
            self._ledger.record(event, event_time_ms)
        fate = self._plan.fate(topic, event, event_time_ms)
        if fate is None:
            value = self._encode(event)
            self._wait(event_time_ms, _EVENT, topic, key, value, "clean", event, event_time_ms)
        else:
            self._emit_faulty(topic, key, event, event_time_ms, fate)

    def emit_ping(self, key: str, event: Envelope, event_time_ms: int) -> None:
        """Take one ping: as `emit`, with as little in between as possible."""
        if event_time_ms > self._ledger.last_ms:
            self._ledger.last_ms = event_time_ms
        fate = self._plan.fate(GPS_PINGS, event, event_time_ms)
        if fate is not None:
            self._emit_faulty(GPS_PINGS, key, event, event_time_ms, fate)
            return
        event_id = event.event_id
        self._number += 1
        record = Record(
            _GPS_TOPIC,
            key.encode(),
            self._encode(event),
            "clean",
            event_id,
            event_time_ms,
            traceparent(event_id, event.correlation_id),
        )
        self._waiting.append((event_time_ms, _EVENT, self._number, record))

    def release(self, until_ms: int) -> None:
        """Send everything that is due up to a time, heartbeats included."""
        while self._next_heartbeat_ms <= until_ms:
            self._control("stream_heartbeat", self._next_heartbeat_ms)
            self._next_heartbeat_ms += HEARTBEAT_INTERVAL_MS
        waiting = self._waiting
        waiting.sort()
        count = bisect_left(waiting, (until_ms + 1,))
        send, produced = (_nowhere if self.is_muted else self._port.send), self.produced
        pings = 0
        for _, _, _, record in waiting[:count]:
            send(record)
            if record.kind == "clean" and record.topic is _GPS_TOPIC:
                pings += 1
            else:
                produced[record.topic, record.kind] += 1
        if pings:
            produced[_GPS_TOPIC, "clean"] += pings
        if count:
            newest_ms = max(entry[3].event_time_ms for entry in waiting[:count])
            self._newest_ms = max(self._newest_ms, newest_ms)
        del waiting[:count]

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

    def _emit_faulty(
        self, topic: Topic, key: str, event: Envelope, event_time_ms: int, fate: Fate
    ) -> None:
        released_ms: int | None = event_time_ms + fate.delay_ms
        detail = fate.detail
        if fate.moved_to is not None and isinstance(event, GpsPing):
            lat, lon = fate.moved_to
            event = msgspec.structs.replace(event, lat=lat, lon=lon)
        value = self._encode(event)
        if fate.fault in ("late", "out_of_order", "teleport"):
            at_ms = event_time_ms + fate.delay_ms
            self._wait(at_ms, _EVENT, topic, key, value, "clean", event, event_time_ms)
        elif fate.fault in ("dropped", "silent_driver"):
            released_ms = None
        else:
            self._wait(event_time_ms, _EVENT, topic, key, value, "clean", event, event_time_ms)
            kind: RecordKind = "duplicate"
            copy: bytes | None = value
            if fate.fault == "malformed":
                kind = "malformed"
                copy, detail = corrupt(topic.name, value, fate.detail or "")
            at_ms = event_time_ms + fate.delay_ms
            self._wait(at_ms, _COPY, topic, key, copy, kind, event, event_time_ms)
        if not self.is_muted:
            self._ledger.fault(
                event.event_id, topic.name, fate.fault, detail, key, event_time_ms, released_ms
            )

    def _wait(
        self,
        at_ms: int,
        rank: int,
        topic: Topic,
        key: str,
        value: bytes | None,
        kind: RecordKind,
        event: Envelope,
        event_time_ms: int,
    ) -> None:
        event_id = event.event_id
        self._number += 1
        record = Record(
            topic.name,
            key.encode(),
            value,
            kind,
            event_id,
            event_time_ms,
            traceparent(event_id, event.correlation_id),
        )
        self._waiting.append((at_ms, rank, self._number, record))

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
