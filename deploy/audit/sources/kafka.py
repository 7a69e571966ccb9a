"""Topics from one offset to another, read once.

confluent-kafka, as in the simulator: a run has a million records, and its consumer reads them in
seconds where kafka-python's takes minutes.
"""

import time
import uuid
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from contracts.domain import (
    ANOMALIES,
    HEADER_RUN_ID,
    REGION_WINDOWS,
    TAXI_TRIPS,
    ZONE_METRICS,
    Topic,
)
from contracts.ledger import row_namespace
from contracts.live import Anomaly, RegionWindow, ZoneMetrics
from contracts.resends import HEADER_OFFSET
from deploy.audit.checks.alerts import AlertRecords, Alerts
from deploy.audit.checks.bronze import DlqRows
from deploy.audit.checks.regions import LateRows
from deploy.audit.checks.surge import WindowRecords, Windows
from deploy.audit.errors import AuditError
from deploy.audit.log import PARTITION_SHIFT, LogBuilder, TopicLog, digest

_TIMEOUT_S: Final = 20.0
_SILENCE_S: Final = 60.0
_BATCH: Final = 10_000
_POLL_S: Final = 0.1
_MOST_ROWS: Final = 100_000_000
"""More than any file of a month has."""


class Message(NamedTuple):
    """A record of a topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp_ms: int


class KafkaSource:
    """Reads topics of one broker."""

    def __init__(self, bootstrap: str) -> None:
        """Connect.

        Raises:
            AuditError: No broker answers.
        """
        self._bootstrap = bootstrap
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "farol-audit",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",  # where retention has taken the first offset
                "isolation.level": "read_committed",
                "fetch.message.max.bytes": 16 * 1024 * 1024,
                "queued.max.messages.kbytes": 131_072,
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        try:
            metadata = self._consumer.list_topics(timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise AuditError(
                f"no Kafka broker answers at {bootstrap} ({error.args[0].str()}); "
                "start it with: farol up"
            ) from error
        self._partitions = {
            name: tuple(sorted(topic.partitions)) for name, topic in metadata.topics.items()
        }

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def has(self, topic: str) -> bool:
        """Return whether the broker has a topic."""
        return topic in self._partitions

    def log(
        self,
        topic: str,
        run_id: str,
        starts: Mapping[int, int] | None = None,
        ends: Mapping[int, int] | None = None,
    ) -> TopicLog:
        """Return an input topic, judged, to where it ends now.

        Args:
            topic: Name of the topic.
            run_id: Whose records are the run's own.
            starts: First offset by partition; the oldest record if not given.
            ends: Offset behind the last by partition; the newest record if not given.

        Raises:
            AuditError: The topic is not there, or does not answer.
        """
        if not self.has(topic):
            raise AuditError(f"Kafka at {self._bootstrap} has no topic {topic}: farol up")
        builder = LogBuilder(topic, run_id)
        until = dict(ends) if ends is not None else self._ends(topic)
        for partition, end in until.items():
            builder.ends_at(partition, end)
        for message in self._read(topic, until, starts):
            headers = dict(message.headers)
            builder.add(
                message.partition,
                message.offset,
                message.key,
                message.value,
                headers.get(HEADER_RUN_ID),
                is_resent=HEADER_OFFSET in headers,
            )
        return builder.build()

    def zone_windows(self, run_id: str) -> Windows | None:
        """Return a run's windows and the newest of each zone, None where there is no such topic."""
        if not self.has(ZONE_METRICS.name):
            return None
        decode = msgspec.json.Decoder(ZoneMetrics).decode
        records = WindowRecords(run_id)
        for message in self._read(ZONE_METRICS.name, self._ends(ZONE_METRICS.name)):
            records.add(_decoded(ZONE_METRICS.name, message, decode), message.timestamp_ms)
        return records.windows()

    def alerts(self, run_id: str) -> Alerts | None:
        """Return a run's anomalies and the order of all, None where there is no such topic."""
        if not self.has(ANOMALIES.name):
            return None
        decode = msgspec.json.Decoder(Anomaly).decode
        records = AlertRecords(run_id)
        for message in self._read(ANOMALIES.name, self._ends(ANOMALIES.name)):
            alert = _decoded(ANOMALIES.name, message, decode)
            records.add(alert, message.partition, message.timestamp_ms)
        return records.alerts()

    def region_windows(self) -> list[tuple[int, RegionWindow]] | None:
        """Return the final region windows, None where there is no such topic.

        Early ones are guesses about windows that are still open: nothing to hold a job to.
        """
        if not self.has(REGION_WINDOWS.name):
            return None
        decode = msgspec.json.Decoder(RegionWindow).decode
        read = (
            (message.offset, _decoded(REGION_WINDOWS.name, message, decode))
            for message in self._read(REGION_WINDOWS.name, self._ends(REGION_WINDOWS.name))
        )
        return [(offset, window) for offset, window in read if window.is_final]

    def late_rows(self, run_id: str, sha256: str = "") -> LateRows | None:
        """Return a replay's records on the late topic, None where there is no such topic.

        Args:
            run_id: The run.
            sha256: Digest of its file, which tells a record's row from its event id.
        """
        topic = TAXI_TRIPS.late
        if not self.has(topic):
            return None
        decode = msgspec.json.Decoder(_LateTrip).decode
        events: dict[int, str] = {}
        for message in self._read(topic, self._ends(topic)):
            trip = _decoded(topic, message, decode)
            if trip.run_id != run_id:
                continue
            events[_origin(topic, message)] = trip.event_id
        rows = _rows_of(set(events.values()), row_namespace(run_id, sha256))
        if len(rows) != len(set(events.values())):
            raise AuditError(f"{topic} has records of run {run_id} that are no rows of its file")
        return LateRows(
            place=np.array(list(events), dtype=np.int64),
            row_number=np.array([rows[event] for event in events.values()], dtype=np.int64),
        )

    def dlq(self, topic: Topic) -> DlqRows | None:
        """Return the records on the DLQ topic of an input, None where there is no such topic."""
        if not self.has(topic.dlq):
            return None
        place, digests, reasons = array("q"), array("q"), []
        for message in self._read(topic.dlq, self._ends(topic.dlq)):
            place.append(_origin(topic.dlq, message))
            digests.append(digest(message.value))
            reasons.append((dict(message.headers).get("reason") or b"").decode())
        return DlqRows(
            place=np.array(place, dtype=np.int64),
            digest=np.array(digests, dtype=np.int64),
            error_type=[reason.split(":")[0] for reason in reasons],
            error_message=list(reasons),
        )

    def _ends(self, topic: str) -> dict[int, int]:
        return {partition: self._end(topic, partition) for partition in self._partitions[topic]}

    def _end(self, topic: str, partition: int) -> int:
        """Ask until the deadline: partitions of a topic just made have no leader for a moment."""
        deadline_s = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                return self._consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=_TIMEOUT_S
                )[1]
            except KafkaException as error:
                if time.monotonic() > deadline_s:
                    raise AuditError(
                        f"the offsets of {topic} cannot be read ({error.args[0].str()})"
                    ) from error
                time.sleep(_POLL_S)

    def _read(
        self, topic: str, ends: dict[int, int], starts: Mapping[int, int] | None = None
    ) -> Iterator[Message]:
        """Yield what lies below the given ends; partitions without such are not waited for."""
        first = starts or {}
        open_ = {partition for partition, end in ends.items() if end > first.get(partition, 0)}
        self._consumer.assign(
            [
                TopicPartition(topic, partition, first.get(partition, OFFSET_BEGINNING))
                for partition in open_
            ]
        )
        silent_s = 0.0
        while open_:
            # A batch is waited for until it is full: short, as most topics have less than one.
            batch = self._consumer.consume(_BATCH, timeout=_POLL_S)
            silent_s = 0.0 if batch else silent_s + _POLL_S
            if silent_s > _SILENCE_S:
                raise AuditError(
                    f"{topic}: Kafka at {self._bootstrap} gave nothing for {_SILENCE_S:g} s; "
                    f"partitions {sorted(open_)} are not read to their end"
                )
            for record in batch:
                error = record.error()
                partition, offset = int(record.partition() or 0), int(record.offset() or 0)
                if error is not None:
                    if error.code() != KafkaError._PARTITION_EOF:
                        raise AuditError(f"{topic} cannot be read ({error.str()})")
                    open_.discard(partition)
                    continue
                if offset < ends[partition]:
                    headers: Any = record.headers()
                    yield Message(
                        partition,
                        offset,
                        record.key(),
                        record.value(),
                        headers or [],
                        record.timestamp()[1],
                    )
                if offset >= ends[partition] - 1:
                    open_.discard(partition)
        self._consumer.unassign()


class _LateTrip(msgspec.Struct):
    run_id: str
    event_id: str


def _rows_of(event_ids: set[str], namespace: uuid.UUID) -> dict[str, int]:
    """Return the row number of each event id: rows are counted until all are found."""
    found: dict[str, int] = {}
    for number in range(1, _MOST_ROWS):
        if len(found) == len(event_ids):
            break
        event_id = str(uuid.uuid5(namespace, str(number)))
        if event_id in event_ids:
            found[event_id] = number
    return found


def _origin(topic: str, message: Message) -> int:
    """Return the place of the input record that a job copied here, as its headers say."""
    headers = dict(message.headers)
    try:
        partition = int((headers["partition"] or b"").decode())
        offset = int((headers["offset"] or b"").decode())
    except (KeyError, ValueError) as error:
        raise AuditError(
            f"{topic}/{message.partition}/{message.offset} does not say where it came from"
        ) from error
    return (partition << PARTITION_SHIFT) | offset


def _decoded(topic: str, message: Message, decode: Callable[[bytes], Any]) -> Any:
    try:
        return decode(message.value or b"")
    except msgspec.DecodeError as error:
        raise AuditError(
            f"{topic}/{message.partition}/{message.offset} is no record of this topic ({error})"
        ) from error
