"""The multipliers that the surge job computes, read back from `rideshare.zone_metrics`.

The topic is written in transactions, so only committed records are read; those of other runs are
passed over. The newest window of a zone wins.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from contracts.domain import ZONE_METRICS
from contracts.live import ZoneMetrics
from sim.domain.errors import SimError

_BATCH: Final = 2000
_ANSWER_WITHIN_S: Final = 5.0
_LATEST: Final = -1
_ELECTING: Final = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
"""What a broker says for a moment after its start."""


def _is_passing(problem: BaseException) -> bool:
    return isinstance(problem, KafkaException) and problem.args[0].code() in _ELECTING


class SurgeFeedError(SimError):
    """The topic of multipliers cannot be read."""


class KafkaSurgeFeed:
    """Reads the topic from where it ends now."""

    def __init__(self, bootstrap: str, run_id: str) -> None:
        """Connect.

        Raises:
            SurgeFeedError: The broker does not answer or has no such topic.
        """
        self._run_id = run_id
        self._newest_ms: dict[int, int] = {}
        self.ignored = 0
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"farol-sim-surge-{run_id}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 2,
            }
        )
        try:
            known = self._consumer.list_topics(ZONE_METRICS.name, timeout=_ANSWER_WITHIN_S).topics
            partitions = known[ZONE_METRICS.name].partitions
            # explicit offsets: "the end" would be looked up later, and skip what came in between
            ends = [TopicPartition(ZONE_METRICS.name, n, self._end(n)) for n in partitions]
        except KafkaException as error:
            self._consumer.close()
            raise SurgeFeedError(
                f"policies.surge is streamed, and Kafka at {bootstrap} does not answer: {error}"
            ) from error
        if not partitions:
            self._consumer.close()
            raise SurgeFeedError(
                f"policies.surge is streamed, and Kafka at {bootstrap} has no topic"
                f" {ZONE_METRICS.name}: run `farol up kafka` and submit the job `surge`"
            )
        self._consumer.assign(ends)

    @retry(
        retry=retry_if_exception(_is_passing),
        stop=stop_after_delay(_ANSWER_WITHIN_S),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    def _end(self, partition: int) -> int:
        place = TopicPartition(ZONE_METRICS.name, partition)
        _, end = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_WITHIN_S)
        return int(end)

    def poll(self) -> Iterator[tuple[int, float]]:
        """Yield zones and their newest multipliers that have come since the last call."""
        newest: dict[int, float] = {}
        for message in self._consumer.consume(_BATCH, timeout=0):
            metrics = self._read(message)
            if metrics is None:
                self.ignored += 1
            elif metrics.window_end_ms > self._newest_ms.get(metrics.zone_id, _LATEST):
                self._newest_ms[metrics.zone_id] = metrics.window_end_ms
                newest[metrics.zone_id] = metrics.multiplier
        yield from newest.items()

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _read(self, message: Any) -> ZoneMetrics | None:
        if message.error() is not None or message.value() is None:
            return None
        try:
            metrics = msgspec.json.decode(message.value(), type=ZoneMetrics)
        except msgspec.DecodeError:
            return None
        return metrics if metrics.run_id == self._run_id else None
