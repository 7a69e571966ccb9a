"""The broker as replay needs it: an idempotent producer that counts what was confirmed.

confluent-kafka, because one process has to keep the broker busy: its producer runs outside the
interpreter lock.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from contracts.domain import HEADER_RUN_ID, HEADER_TRACEPARENT, INPUT_MAX_MESSAGE_BYTES
from contracts.ledger import RecordKind
from sim.replay.errors import BrokerError
from sim.replay.sent import Sent

CONNECT_TIMEOUT_S: Final = 15.0
DELIVERY_TIMEOUT_S: Final = 120.0
_POLL_EVERY: Final = 500
_RETRY_AFTER_S: Final = 0.3
_READ_BATCH: Final = 10_000
_KINDS: Final[tuple[RecordKind, ...]] = ("clean", "duplicate", "malformed", "control")

Headers = list[tuple[str, str | bytes | None]]


class _SentBuilder:
    def __init__(self, run_id: str) -> None:
        self._run_id = run_id.encode()
        self._ids = bytearray()
        self._controls = 0

    def add(self, headers: Any, key: bytes | None, value: bytes | None) -> None:
        known = dict(headers or [])
        if known.get(HEADER_RUN_ID) != self._run_id:
            return
        if key is None and b'"event_type":"stream_' in (value or b""):
            self._controls += 1
        else:
            self._ids += bytes.fromhex(known[HEADER_TRACEPARENT][3:35].decode())

    def build(self) -> Sent:
        return Sent(bytes(self._ids), self._controls)


class KafkaTopic:
    """One existing topic to publish to."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Connect and look the topic up.

        Raises:
            BrokerError: No broker answers, or it has no such topic.
        """
        self._topic = topic
        self._bootstrap = bootstrap
        self._failure: str | None = None
        self._confirmed: Counter[str] = Counter()
        self._sent = 0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 20,
                "batch.num.messages": 20_000,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",  # as the Java clients choose
                "message.max.bytes": INPUT_MAX_MESSAGE_BYTES,
                "message.timeout.ms": int(DELIVERY_TIMEOUT_S * 1000),
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 131_072,
                "log_level": 0,  # failures reach the user as one message of ours
            }
        )
        self._callbacks = {kind: self._confirm(kind) for kind in _KINDS}
        try:
            known = self._producer.list_topics(topic, timeout=CONNECT_TIMEOUT_S).topics[topic]
        except KafkaException as error:
            raise BrokerError(
                f"no Kafka broker answers at {bootstrap} ({error.args[0].str()}); "
                "start it with: farol up"
            ) from error
        if known.error is not None:
            raise BrokerError(
                f"Kafka at {bootstrap} has no topic {topic} ({known.error.str()}); "
                "create the topics with: farol up"
            )
        self._partitions = tuple(sorted(known.partitions))

    @property
    def partitions(self) -> tuple[int, ...]:
        """Partition numbers of the topic."""
        return self._partitions

    def end_offsets(self) -> dict[int, int]:
        """Return the offset the next record of each partition will get.

        Raises:
            BrokerError: The broker does not answer.
        """
        reader = Consumer(
            {"bootstrap.servers": self._bootstrap, "group.id": "none", "log_level": 0}
        )
        try:
            return {
                partition: self._end_offset(reader, partition) for partition in self._partitions
            }
        finally:
            reader.close()

    def send(
        self,
        kind: RecordKind,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        """Queue a record; waits while the queue is full.

        Raises:
            BrokerError: An earlier record was refused.
        """
        options: dict[str, Any] = {} if partition is None else {"partition": partition}
        callback = self._callbacks[kind]
        while True:
            try:
                self._producer.produce(
                    self._topic, value, key, headers=headers, on_delivery=callback, **options
                )
                break
            except BufferError:
                self._producer.poll(0.1)
                self._raise_failure()
            except KafkaException as error:
                raise BrokerError(f"{self._topic}: a record cannot be sent ({error})") from error
        self._sent += 1
        if self._sent % _POLL_EVERY == 0:
            self._producer.poll(0)
            self._raise_failure()

    def poll(self) -> None:
        """Take confirmations in.

        Raises:
            BrokerError: A record was refused.
        """
        self._producer.poll(0)
        self._raise_failure()

    def flush(self) -> None:
        """Wait until every record is confirmed.

        Raises:
            BrokerError: A record was refused or not confirmed in time.
        """
        left = self._producer.flush(DELIVERY_TIMEOUT_S + 10)
        self._raise_failure()
        if left:
            raise BrokerError(f"{left} records were not confirmed by Kafka at {self._bootstrap}")

    def sent(self, run_id: str, first_offsets: Mapping[int, int]) -> Sent:
        """Return what of a run the topic already holds, from where the run began.

        Raises:
            BrokerError: The broker does not answer, or has dropped records of the run.
        """
        ends = self.end_offsets()
        reader = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "none",
                "enable.auto.commit": False,
                "enable.partition.eof": False,
                "auto.offset.reset": "error",
                "fetch.message.max.bytes": INPUT_MAX_MESSAGE_BYTES,
                "log_level": 0,
            }
        )
        found = _SentBuilder(run_id)
        open_ = {p for p, end in ends.items() if end > first_offsets.get(p, 0)}
        try:
            reader.assign([TopicPartition(self._topic, p, first_offsets.get(p, 0)) for p in open_])
            while open_:
                batch = reader.consume(_READ_BATCH, CONNECT_TIMEOUT_S)
                if not batch:
                    raise BrokerError(f"{self._topic}: Kafka at {self._bootstrap} fell silent")
                for message in batch:
                    problem: Any = message.error()
                    if problem is not None:
                        raise BrokerError(
                            f"{self._topic} cannot be read from where the run began "
                            f"({problem.str()}); start a new replay"
                        )
                    partition, offset = int(message.partition() or 0), int(message.offset() or 0)
                    if offset < ends[partition]:
                        found.add(message.headers(), message.key(), message.value())
                    if offset >= ends[partition] - 1:
                        open_.discard(partition)
        finally:
            reader.close()
        return found.build()

    def confirmed(self) -> Mapping[str, int]:
        """Return the records the broker has confirmed, by kind."""
        return dict(self._confirmed)

    def _end_offset(self, reader: Consumer, partition: int) -> int:
        """Ask until the deadline: partitions of a topic just made have no leader for a moment."""
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while True:
            try:
                return reader.get_watermark_offsets(
                    TopicPartition(self._topic, partition), timeout=CONNECT_TIMEOUT_S
                )[1]
            except KafkaException as error:
                if time.monotonic() > deadline_s:
                    raise BrokerError(
                        f"the offsets of {self._topic} cannot be read ({error.args[0].str()})"
                    ) from error
                time.sleep(_RETRY_AFTER_S)

    def _confirm(self, kind: str) -> Callable[[Any, Any], None]:
        def callback(error: Any, message: Any) -> None:
            if error is None:
                self._confirmed[kind] += 1
            elif self._failure is None:
                self._failure = error.str()

        return callback

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise BrokerError(
                f"Kafka at {self._bootstrap} did not take a record of {self._topic}: "
                f"{self._failure}"
            )
