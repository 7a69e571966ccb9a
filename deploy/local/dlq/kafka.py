"""Sends repaired records to their topic, and finds those that an earlier process has sent."""

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from contracts.domain import INPUT_MAX_MESSAGE_BYTES
from contracts.resends import (
    DROPPED_HEADERS,
    HEADER_AT,
    HEADER_OFFSET,
    HEADER_PARTITION,
    HEADER_REASON,
)
from deploy.local.dlq.fix import Outcome
from deploy.local.dlq.resends import Place
from deploy.local.dlq.tables import DlqError

_TIMEOUT_S: Final = 30.0
_SILENCE_S: Final = 30.0


class TopicWriter:
    """One topic of one broker.

    Raises:
        DlqError: No broker answers, or it has no such topic.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap, self._topic = bootstrap, topic
        common = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._consumer = Consumer(
            {
                **common,
                "group.id": "farol-dlq",
                "enable.auto.commit": False,
                "fetch.message.max.bytes": INPUT_MAX_MESSAGE_BYTES,
            }
        )
        try:
            found = self._consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        except KafkaException as error:
            raise DlqError(
                f"no Kafka broker answers at {bootstrap} ({error.args[0].str()}); "
                "start it with: farol up kafka"
            ) from error
        if found.error is not None:
            raise DlqError(f"Kafka at {bootstrap} has no topic {topic}: farol up kafka")
        self._partitions = tuple(found.partitions)
        self._producer = Producer(
            {
                **common,
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "message.max.bytes": INPUT_MAX_MESSAGE_BYTES,
                "partitioner": "murmur2_random",
            }
        )

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def ends(self) -> dict[int, int]:
        """Return the offset behind the newest record, by partition."""
        return {
            partition: self._consumer.get_watermark_offsets(
                TopicPartition(self._topic, partition), timeout=_TIMEOUT_S
            )[1]
            for partition in self._partitions
        }

    def send(self, outcomes: Iterable[Outcome], resent_at: str) -> dict[Place, Place]:
        """Send records and return where Kafka has put those that it has, by their origin.

        A record with the key it had stays in its partition, whatever client had chosen that.
        """
        sent: dict[Place, Place] = {}
        for outcome in outcomes:
            record = outcome.record
            is_same_key = outcome.key == record.key and record.partition in self._partitions
            self._producer.produce(
                self._topic,
                outcome.value,
                outcome.key,
                partition=record.partition if is_same_key else -1,
                headers=_headers(outcome, resent_at),
                on_delivery=partial(_note, sent, (record.partition, record.offset)),
            )
            self._producer.poll(0)
        if self._producer.flush(_TIMEOUT_S):
            # in doubt from here on: nothing of it may go out behind our back
            self._producer.purge()
            self._producer.flush(_TIMEOUT_S)
        return sent

    def resent(self, starts: Mapping[int, int]) -> dict[Place, Place]:
        """Return the resent records from an offset of each partition on: their places by origin.

        Raises:
            DlqError: The topic cannot be read to its end.
        """
        found: dict[Place, Place] = {}
        ends = self.ends()
        open_ = {p for p, end in ends.items() if end > starts.get(p, end)}
        self._consumer.assign([TopicPartition(self._topic, p, starts[p]) for p in open_])
        heard_s = time.monotonic()
        while open_:
            for message in self._consumer.consume(1000, timeout=0.2):
                heard_s = time.monotonic()
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        continue
                    raise DlqError(f"{self._topic} cannot be read ({error.str()})")
                partition, offset = int(message.partition() or 0), int(message.offset() or 0)
                origin = _origin(message.headers())
                if origin is not None:
                    found.setdefault(origin, (partition, offset))
                if offset >= ends[partition] - 1:
                    open_.discard(partition)
            if time.monotonic() - heard_s > _SILENCE_S:
                raise DlqError(f"{self._topic}: Kafka gave nothing for {_SILENCE_S:.0f} s")
        self._consumer.unassign()
        return found


def _note(sent: dict[Place, Place], origin: Place, error: Any, message: Any) -> None:
    if error is None:
        sent[origin] = (message.partition(), message.offset())


def _headers(outcome: Outcome, resent_at: str) -> list[tuple[str, str | bytes | None]]:
    record = outcome.record
    kept = [(name, value) for name, value in record.headers.items() if name not in DROPPED_HEADERS]
    return [
        *kept,
        (HEADER_PARTITION, str(record.partition).encode()),
        (HEADER_OFFSET, str(record.offset).encode()),
        (HEADER_REASON, record.reason.encode()),
        (HEADER_AT, resent_at.encode()),
    ]


def _origin(headers: Any) -> Place | None:
    named = dict(headers or ())
    try:
        return int(named[HEADER_PARTITION]), int(named[HEADER_OFFSET])
    except (KeyError, TypeError, ValueError):
        return None
