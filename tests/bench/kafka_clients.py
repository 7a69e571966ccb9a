"""kafka-python against confluent-kafka with the simulator's own records, side by side.

    python -m tests.bench.kafka_clients BOOTSTRAP [--records N] [--rounds N]

Both send the same records with the same promises (idempotent, acks=all, lz4, two headers, keys by
murmur2) to the same topic, in turns; a round ends when the broker has confirmed everything.
The third row is the whole simulator: city, faults, ledger and port. Prints medians and CPU seconds.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kafka import KafkaProducer

from contracts.domain import GPS_PINGS, HEADER_RUN_ID, HEADER_TRACEPARENT, INPUT_MAX_MESSAGE_BYTES
from sim.control import scenarios
from sim.publishing.kafka import KafkaPort
from sim.publishing.memory import MemoryPort
from sim.publishing.record import Record
from sim.publishing.run import Run, new_run_id

RUN_ID = new_run_id()


def make_records(count: int) -> list[Record]:
    """Return pings of the demo city."""
    scenario = scenarios.named("demo", {"faults": None})
    port = MemoryPort()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(scenario, RUN_ID, port, Path(folder))
        pings: list[Record] = []
        while len(pings) < count:
            run.advance(run.now_ms + 60_000)
            pings = [r for r in port.records if r.topic == GPS_PINGS.name and r.kind == "clean"]
        run.abandon()
    return pings[:count]


def send_with_kafka_python(bootstrap: str, records: list[Record]) -> int:
    """Send records with kafka-python and return how many."""
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        linger_ms=20,
        batch_size=512 * 1024,
        max_request_size=INPUT_MAX_MESSAGE_BYTES,
    )
    run_id = RUN_ID.encode()
    for record in records:
        producer.send(
            record.topic,
            key=record.key,
            value=record.value,
            headers=[(HEADER_RUN_ID, run_id), (HEADER_TRACEPARENT, record.traceparent)],
        )
    producer.flush()
    producer.close()
    return len(records)


def send_with_confluent(bootstrap: str, records: list[Record]) -> int:
    """Send records through the simulator's port and return how many."""
    port = KafkaPort(bootstrap)
    port.open(RUN_ID, (GPS_PINGS.name,))
    port.send(records)
    port.flush()
    port.close()
    return len(records)


def simulate(bootstrap: str) -> int:
    """Live through half an hour of the demo city and its drain; return the records sent."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = scenarios.named("demo")
        run = Run(scenario, new_run_id(), KafkaPort(bootstrap), Path(folder))
        run.advance(scenario.start_ms + 30 * 60_000)
        run.end()
        return sum(run.publisher.produced.values())


def measure(action: Callable[[], int]) -> tuple[float, float]:
    """Return records per second of wall time and per second of CPU time."""
    before, began_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    count = action()
    after, took_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began_s
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return count / took_s, count / cpu_s


def main(given: list[str] | None = None) -> dict[str, float]:
    """Run the comparison and print it; return the records per second of wall time by row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(given)
    records = make_records(arguments.records)
    actions: dict[str, Callable[[], int]] = {
        "kafka-python": lambda: send_with_kafka_python(arguments.bootstrap, records),
        "confluent-kafka": lambda: send_with_confluent(arguments.bootstrap, records),
        "whole simulator": lambda: simulate(arguments.bootstrap),
    }
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in actions}
    for _ in range(arguments.rounds):
        for name, action in actions.items():
            results[name].append(measure(action))
    rates: dict[str, float] = {}
    for name, rounds in results.items():
        wall, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
        rates[name] = wall
        sys.stdout.write(f"{name:16} {wall:9.0f} records/s  {cpu:9.0f} records/CPU-s\n")
    return rates


if __name__ == "__main__":
    main()
