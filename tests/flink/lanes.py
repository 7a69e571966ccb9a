"""Records onto chosen partitions, one partition after another.

So the first is read to its end while the others are far behind: a watermark that is not kept per
partition fails every comparison.
"""

from collections.abc import Mapping, Sequence

from confluent_kafka import Producer


def send(kafka: str, lanes: Mapping[tuple[str, int], Sequence[bytes | None]]) -> None:
    """Send the records of each (topic, partition) in order."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 20})
    for (topic, partition), values in lanes.items():
        for value in values:
            producer.produce(topic, value, b"entity", partition)
        assert producer.flush(60) == 0
