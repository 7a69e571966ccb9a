"""kafka-python against confluent-kafka as readers: the same topic, from its beginning to its end.

    python -m tests.bench.kafka_consumers BOOTSTRAP [--records N] [--rounds N]

Fills rideshare.gps_pings with the demo city, then reads it with each client in turns and prints
medians of records per second of wall and of CPU time.
"""

import argparse
import resource
import statistics
import sys
import time
import uuid
from collections.abc import Callable

from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place
from kafka import KafkaConsumer, TopicPartition

from contracts.domain import GPS_PINGS, PARTITIONS
from tests.bench.kit import machine, records_on, send_city


def read_with_kafka_python(bootstrap: str, records: int) -> None:
    """Read so many records."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    places = [TopicPartition(GPS_PINGS.name, p) for p in range(PARTITIONS)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    while records > 0:
        batches = consumer.poll(timeout_ms=1000, max_records=2000)
        records -= sum(len(batch) for batch in batches.values())
    consumer.close()


def read_with_confluent_kafka(bootstrap: str, records: int) -> None:
    """Read so many records."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"bench-{uuid.uuid4()}"})
    consumer.assign([Place(GPS_PINGS.name, p, 0) for p in range(PARTITIONS)])
    while records > 0:
        records -= len(consumer.consume(2000, 1.0))
    consumer.close()


def timed(read: Callable[[str, int], None], bootstrap: str, records: int) -> tuple[float, float]:
    """Return records per second of wall time and of this process's CPU time."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    read(bootstrap, records)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return records / (time.monotonic() - began), records / used


def main() -> None:
    """Print one line per client."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    send_city(options.bootstrap, options.records)
    records = records_on(options.bootstrap, (GPS_PINGS.name,))
    readers = (read_with_kafka_python, read_with_confluent_kafka)
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for read in readers:
            rates = timed(read, options.bootstrap, records)
            found.setdefault(read.__name__, []).append(rates)
    sys.stdout.write(f"{machine()}\n{records:,} pings, medians of {options.rounds}\n")
    for name, rounds in found.items():
        wall, cpu = (statistics.median(each) for each in zip(*rounds, strict=True))
        sys.stdout.write(f"{name}: {wall:,.0f}/s wall, {cpu:,.0f}/s CPU\n")


if __name__ == "__main__":
    main()
