"""Read a frame, write it, then remember how far: offsets are committed only after Redis answered.

Nothing is lost: what was read and not committed is read again after a restart, and the guards in
Redis turn the repeat into nothing. While Redis is away a frame is tried again with growing pauses.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaException,
    TopicPartition,
)
from redis.exceptions import RedisError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from flink_jobs.feeder.handlers import Handler
from flink_jobs.feeder.telemetry import Telemetry

COMMIT_INTERVAL_S: Final = 1.0
EXPIRE_INTERVAL_S: Final = 1.0
MAX_PAUSE_S: Final = 5.0
SHOWN_BYTES: Final = 200

_log: Final = logging.getLogger("feeder")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a derived topic; `wall_ms` is when it was made, epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    wall_ms: int


class Feeder:
    """One member of the consumer group; `run` returns after `stop`."""

    def __init__(
        self,
        consumer: Consumer,
        handlers: Sequence[Handler],
        expire: Callable[[], int],
        telemetry: Telemetry,
        frame_s: float,
        batch_records: int,
        outage: type[Exception] = RedisError,
    ) -> None:
        """Take what to read and where it goes; `outage` is what is tried again until it works."""
        self._consumer = consumer
        self._handlers: Mapping[str, Handler] = {h.topic: h for h in handlers}
        self._expire = expire
        self._telemetry = telemetry
        self._frame_s = frame_s
        self._batch_records = batch_records
        self._outage = outage
        self._written: dict[tuple[str, int], int] = {}
        self._is_stopping = False
        self._commit_at = self._expire_at = 0.0

    def stop(self) -> None:
        """Ask the loop to end after the frame in hand."""
        self._is_stopping = True

    def run(self) -> None:
        """Feed until `stop`, then commit and leave the group."""
        self._consumer.subscribe(list(self._handlers), on_revoke=self._on_revoke)
        try:
            while not self._is_stopping:
                self.step()
            self._commit(is_last=True)
        finally:
            self._consumer.close()

    def step(self) -> None:
        """Handle one frame."""
        records = self._taken(self._consumer.consume(self._batch_records, self._frame_s))
        batches = self._decoded(records)
        for topic, values in batches.items():
            if not self._persist(topic, values):
                return  # stopping: what was not written is not committed either
        for record in records:
            self._written[record.topic, record.partition] = record.offset + 1
        if batches:
            self._telemetry.frames.inc()
        self._chores()

    def _taken(self, messages: Iterable[Any]) -> list[Record]:
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(_record(message))
            else:
                self.on_kafka_error(error)
        return records

    def _decoded(self, records: Iterable[Record]) -> dict[str, list[tuple[Any, int]]]:
        batches: dict[str, list[tuple[Any, int]]] = {}
        for record in records:
            self._telemetry.records.labels(record.topic).inc()
            try:
                value = self._handlers[record.topic].decode(record.value)
            except msgspec.DecodeError as problem:
                self._reject(record, problem)
            else:
                batches.setdefault(record.topic, []).append((value, record.wall_ms))
        return batches

    def _reject(self, record: Record, problem: Exception) -> None:
        self._telemetry.malformed.labels(record.topic).inc()
        _log.warning(
            "record_malformed topic=%s partition=%d offset=%d problem=%s value=%r",
            record.topic,
            record.partition,
            record.offset,
            problem,
            (record.value or b"")[:SHOWN_BYTES],
        )

    def _persist(self, topic: str, records: Sequence[tuple[Any, int]]) -> bool:
        """Write until Redis has answered; return False where the feeder is to stop before that."""
        stale = self._retrying()(self._handlers[topic].write, records)
        if stale is None:
            return False
        self._telemetry.stale.labels(topic).inc(stale)
        return True

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(self._outage),
            wait=wait_exponential(multiplier=0.1, max=MAX_PAUSE_S),
            stop=lambda _: self._is_stopping,
            after=self._on_outage,
            retry_error_callback=lambda _: None,
        )

    def _on_outage(self, state: RetryCallState) -> None:
        self._telemetry.redis_errors.inc()
        problem = state.outcome.exception() if state.outcome else None
        _log.warning("store_unavailable attempt=%d problem=%s", state.attempt_number, problem)

    def on_kafka_error(self, error: object) -> None:
        """Count what the client reports; it reconnects and rejoins by itself."""
        self._telemetry.kafka_errors.inc()
        _log.warning("kafka_error problem=%s", error)

    def _chores(self) -> None:
        now = time.monotonic()
        if now >= self._expire_at:
            self._expire_at = now + EXPIRE_INTERVAL_S
            self._telemetry.expired.inc(self._retrying()(self._expire) or 0)
        if now >= self._commit_at:
            self._commit_at = now + COMMIT_INTERVAL_S
            self._commit(is_last=False)
            self._measure_lag()

    def _commit(self, *, is_last: bool) -> None:
        if not self._written:
            return
        offsets = [TopicPartition(t, p, offset) for (t, p), offset in self._written.items()]
        try:
            if is_last:
                self._consumer.commit(offsets=offsets, asynchronous=False)
            else:
                self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            # The group has moved on or Kafka is away: whoever has the partitions now repeats a
            # little, which changes nothing.
            self.on_kafka_error(error)
            return
        self._written.clear()

    def _on_revoke(self, _consumer: object, _partitions: object) -> None:
        self._commit(is_last=True)
        self._written.clear()
        self._telemetry.lag.clear()

    def _measure_lag(self) -> None:
        try:
            for partition in self._consumer.assignment():
                _, end = self._consumer.get_watermark_offsets(partition, cached=True)
                (position,) = self._consumer.position([partition])
                if end >= 0 and position.offset >= 0:
                    gauge = self._telemetry.lag.labels(partition.topic, str(partition.partition))
                    gauge.set(max(0, end - position.offset))
        except KafkaException as error:
            self.on_kafka_error(error)


def _record(message: Any) -> Record:
    kind, created_ms = message.timestamp()
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.value(),
        _now_ms() if kind == TIMESTAMP_NOT_AVAILABLE else created_ms,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
