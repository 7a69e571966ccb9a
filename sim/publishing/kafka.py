"""A port into Kafka: idempotent, acks=all, lz4, keys where Java's producer puts them.

Loses nothing, waits instead.

Records never time out (`message.timeout.ms` 0). When the local queue is full, because the broker
is slow, full or absent, `send` waits and `problem` says so; the simulator stands still meanwhile.
Why this client: docs/decisions (Kafka client of the simulator).
"""

import threading
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from contracts.domain import HEADER_RUN_ID, HEADER_TRACEPARENT, INPUT_MAX_MESSAGE_BYTES
from sim.domain.errors import SimError
from sim.publishing.port import Aborted
from sim.publishing.record import Record

_QUEUE_RECORDS: Final = 50_000
_QUEUE_KIB: Final = 256 * 1024
_POLL_EVERY: Final = 500
_ANSWER_WITHIN_S: Final = 5.0
_RETRY_AFTER_S: Final = 0.5


class KafkaSendError(SimError):
    """Kafka refused a record for good; going on would lose it."""


class KafkaPort:
    """Sends to a broker. One thread sends; `problem` and `abort` may be called from others."""

    name = "kafka"

    def __init__(self, bootstrap: str, queue_records: int = _QUEUE_RECORDS) -> None:
        self._queue_records = queue_records
        self._bootstrap = bootstrap
        self._producer: Producer | None = None
        self._topics: tuple[str, ...] = ()
        self._partitions: dict[str, int] = {}
        self._run_id = b""
        self._problem: str | None = None
        self._broker_error: str | None = None
        self._failure: str | None = None
        self._abort = threading.Event()

    def open(self, run_id: str, topics: tuple[str, ...]) -> None:
        """Connect, waiting until the broker answers and has all topics.

        Raises:
            Aborted: `abort` was called meanwhile.
        """
        self._run_id = run_id.encode()
        self._topics = topics
        self._producer = Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "client.id": "farol-sim",
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
                "linger.ms": 20,
                "batch.num.messages": 10_000,
                "message.max.bytes": INPUT_MAX_MESSAGE_BYTES,
                "message.timeout.ms": 0,
                "queue.buffering.max.messages": self._queue_records,
                "queue.buffering.max.kbytes": _QUEUE_KIB,
                "delivery.report.only.error": True,
                "on_delivery": self._on_delivery,
                "error_cb": self._on_error,
                "reconnect.backoff.max.ms": 2000,
                "log_level": 2,
            }
        )
        self._problem = f"waiting for Kafka at {self._bootstrap} to answer"
        while not self._has_topics():
            self._wait_or_abort(_RETRY_AFTER_S)
        self._problem = None

    def partitions(self, topic: str) -> int:
        """Return the number of partitions that the broker reported."""
        return self._partitions[topic]

    def send(self, records: Sequence[Record]) -> None:
        """Queue records; waits while the queue is full.

        Raises:
            KafkaSendError: Kafka refused a record for good.
            Aborted: `abort` was called while waiting.
        """
        producer = self._producer
        assert producer is not None  # noqa: S101 - open comes first
        produce, run_id = producer.produce, (HEADER_RUN_ID, self._run_id)
        for begin in range(0, len(records), _POLL_EVERY):
            for record in records[begin : begin + _POLL_EVERY]:
                topic, key, value, _, _, _, traceparent, partition = record
                headers: list[tuple[str, str | bytes | None]] = [
                    run_id,
                    (HEADER_TRACEPARENT, traceparent),
                ]
                try:
                    produce(
                        topic,
                        value,
                        key,
                        -1 if partition is None else partition,
                        headers=headers,
                    )
                except BufferError:
                    self._send_patiently(producer, record, headers)
                except KafkaException as error:
                    raise KafkaSendError(f"{topic}, {record.event_id}: {error}") from error
            producer.poll(0)
            self._raise_failure()

    def _send_patiently(
        self,
        producer: Producer,
        record: Record,
        headers: list[tuple[str, str | bytes | None]],
    ) -> None:
        while True:
            self._problem = self._broker_error or "Kafka takes records too slowly, queue full"
            producer.poll(0.1)
            self._raise_failure()
            if self._abort.is_set():
                raise Aborted(self._problem)
            try:
                producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    -1 if record.partition is None else record.partition,
                    headers=headers,
                )
            except BufferError:
                continue
            self._problem = None
            return

    def flush(self) -> None:
        """Return when the broker has confirmed everything.

        Raises:
            KafkaSendError: Kafka refused a record for good.
            Aborted: `abort` was called while waiting.
        """
        producer = self._producer
        assert producer is not None  # noqa: S101 - open comes first
        while producer.flush(1.0):
            self._problem = self._broker_error or "waiting for Kafka to confirm the last records"
            self._raise_failure()
            if self._abort.is_set():
                raise Aborted(self._problem)
        self._problem = self._broker_error = None
        self._raise_failure()

    def poll(self) -> None:
        """Serve the client's callbacks; call it when nothing is sent for a while."""
        if self._producer is not None:
            self._producer.poll(0)
            if self._broker_error and not len(self._producer):
                self._broker_error = None

    def offsets(self) -> dict[tuple[str, int], int]:
        """Return the end offset of every partition of the run's topics, waiting for the broker.

        Raises:
            Aborted: `abort` was called while waiting.
        """
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "farol-sim-offsets",
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )
        try:
            found = {}
            for topic in self._topics:
                for partition in range(self._partitions[topic]):
                    found[topic, partition] = self._end_offset(consumer, topic, partition)
            return found
        finally:
            consumer.close()

    def problem(self) -> str | None:
        """Return what holds the port up."""
        return self._problem or self._broker_error

    def abort(self) -> None:
        """Make whoever waits give up; records that Kafka has not confirmed are then lost."""
        self._abort.set()

    def close(self) -> None:
        """Drop the connection; call `flush` before."""
        self._producer = None

    def _has_topics(self) -> bool:
        assert self._producer is not None  # noqa: S101 - open sets it
        try:
            known = self._producer.list_topics(timeout=_ANSWER_WITHIN_S).topics
        except KafkaException as error:
            self._problem = f"no answer from Kafka at {self._bootstrap}: {error.args[0].str()}"
            return False
        missing = [topic for topic in self._topics if topic not in known]
        if missing:
            self._problem = f"Kafka at {self._bootstrap} lacks topics: {', '.join(missing)}"
            return False
        self._partitions = {topic: len(known[topic].partitions) for topic in self._topics}
        return all(self._partitions.values())

    def _end_offset(self, consumer: Any, topic: str, partition: int) -> int:
        while True:
            try:
                answer = consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=_ANSWER_WITHIN_S
                )
                if answer is not None:
                    self._problem = None
                    return int(answer[1])
            except KafkaException as error:
                self._problem = f"no end offset of {topic}/{partition}: {error.args[0].str()}"
            self._wait_or_abort(_RETRY_AFTER_S)

    def _wait_or_abort(self, seconds: float) -> None:
        if self._abort.wait(seconds):
            raise Aborted(self._problem or "told to stop")

    def _on_delivery(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self._failure = f"Kafka refused a record of {message.topic()}: {error.str()}"

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = f"Kafka client gave up: {error.str()}"
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._broker_error = f"no connection to Kafka at {self._bootstrap}"

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise KafkaSendError(self._failure)
