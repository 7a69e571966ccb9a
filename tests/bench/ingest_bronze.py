"""Records per second of ingest_bronze, with validation and raw only, on a running stack.

Usage: FAROL_HOME=... FAROL_PORT_OFFSET=... farol up taskmanager catalog
       .farol/tools/app/bin/python -m tests.bench.ingest_bronze --records 1000000

The rate is taken between the first and the last record (`_ingested_at`), so the start of the job
does not count. CPU is that of the TaskManager and its Python worker.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime

import httpx
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from pyiceberg.catalog import load_catalog

from contracts.domain import GPS_PINGS, PARTITIONS
from contracts.timestamps import rfc3339
from deploy.local.layout import Layout
from tests.bench.kit import cpu_s

MALFORMED_EVERY = 1000
ENTITIES = 5000
T0_MS = 1_772_442_000_000


def produce(bootstrap: str, records: int) -> None:
    """Send pings of the usual size, one in a thousand cut off."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 500_000,
        }
    )
    run_id = str(uuid.uuid4())
    headers: list[tuple[str, str | bytes | None]] = [
        ("run_id", run_id.encode()),
        ("traceparent", b"00-" + b"a" * 32 + b"-b-01"),
    ]
    for number in range(records):
        entity, seq = f"driver-{number % ENTITIES:06d}", number // ENTITIES
        ping = {
            "event_id": str(uuid.UUID(int=uuid.getnode() << 64 | number)),
            "event_type": "gps_ping",
            "schema_version": 1,
            "event_time": rfc3339(T0_MS + seq * 4000),
            "run_id": run_id,
            "correlation_id": None,
            "causation_id": None,
            "entity_type": "driver",
            "entity_id": entity,
            "lat": -23.5 - number % 977 / 1e4,
            "lon": -46.6 - number % 1009 / 1e4,
            "speed_kmh": 31.5,
            "heading_deg": float(number % 360),
            "accuracy_m": 5.0,
            "seq": seq,
            "trip_id": None,
            "driver_status": "available",
        }
        value = json.dumps(ping, separators=(",", ":")).encode()
        if number % MALFORMED_EVERY == 7:
            value = value[:90]
        while True:
            try:
                producer.produce(GPS_PINGS.name, value, entity.encode(), headers=headers)
                break
            except BufferError:
                producer.poll(0.2)
        if number % 5000 == 0:
            producer.poll(0)
    producer.flush()


def start_at(bootstrap: str, group: str, offsets: dict[int, int]) -> None:
    """Commit where a group begins, so that a job reads only what the bench sent."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    places = [TopicPartition(GPS_PINGS.name, p, offset) for p, offset in offsets.items()]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def ends(bootstrap: str) -> dict[int, int]:
    """Return the next offset of every partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-look"})
    try:
        return {
            p: consumer.get_watermark_offsets(TopicPartition(GPS_PINGS.name, p), 10)[1]
            for p in range(PARTITIONS)
        }
    finally:
        consumer.close()


def run_job(flink: str, module: str, *arguments: str) -> str:
    """Submit a bounded job through the REST API, wait for its end, return its state."""
    body = {"programArgsList": ["-pym", module, "--bounded", *arguments]}
    answer = httpx.post(f"{flink}/jars/farol_python_jobs.jar/run", json=body, timeout=180)
    answer.raise_for_status()
    job = answer.json()["jobid"]
    while True:
        state = str(httpx.get(f"{flink}/jobs/{job}", timeout=60).json()["state"])
        if state in ("FINISHED", "FAILED", "CANCELED"):
            return state
        time.sleep(1)


def main() -> None:
    """Print one line per variant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--set", action="append", default=[], dest="flink")
    options = parser.parse_args()
    layout = Layout.from_environment()
    bootstrap, flink = f"127.0.0.1:{layout.port('kafka')}", layout.url("flink")
    status = subprocess.run(
        [layout.repository / "farol", "status", "--json"],
        capture_output=True,
        check=False,
    )
    pid = next(s["pid"] for s in json.loads(status.stdout) if s["name"] == "taskmanager")
    table = load_catalog("lake", type="rest", uri=layout.url("catalog")).load_table(
        GPS_PINGS.bronze_table
    )
    before = ends(bootstrap)
    produce(bootstrap, options.records)
    more = [word for each in options.flink for word in ("--set", each)]
    for name, module in (
        ("validated", "flink_jobs.jobs.ingest_bronze"),
        ("raw only", "tests.bench.raw_bronze"),
    ):
        group = f"bench-{uuid.uuid4()}"
        start_at(bootstrap, group, before)
        since, used_s = datetime.now(UTC), cpu_s(pid)
        state = run_job(flink, module, "--group-id", group, *more)
        used_s = cpu_s(pid) - used_s
        table.refresh()
        times = sorted(
            moment
            for moment in table.scan(
                row_filter=f"_ingested_at >= '{since.isoformat()}'",
                selected_fields=("_ingested_at",),
            )
            .to_arrow()["_ingested_at"]
            .to_pylist()
            if moment is not None
        )
        seconds = (times[-1] - times[0]).total_seconds()
        sys.stdout.write(
            f"{name}: {state}, {len(times)} records in {seconds:.1f} s = "
            f"{len(times) / seconds:,.0f}/s; CPU {used_s:.1f} s, "
            f"load {psutil.getloadavg()[0]:.1f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
