"""The service everybody writes first: one Python loop from Kafka to Redis, with pipelines.

It decodes, drops repeated events, keeps the newest position per driver and second, and makes
one-minute windows per zone with a p95. It has no recovery: state is in memory, offsets are not tied
to it, and late records are lost.
"""

import argparse
import json
import sys
import time
import uuid
from collections import defaultdict

import msgspec
import numpy as np
from confluent_kafka import Consumer, TopicPartition
from redis import Redis

from contracts.domain import GPS_PINGS, PARTITIONS
from contracts.events import GpsPing
from contracts.timestamps import epoch_ms
from contracts.zones import zone_at

BATCH = 2_000
MINUTE_MS = 60_000
LATENESS_MS = 15_000


def main() -> None:
    """Read the topic to its present end; print records and seconds as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("redis_port", type=int)
    options = parser.parse_args()
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            "group.id": f"plain-{uuid.uuid4()}",
            "auto.offset.reset": "earliest",
        }
    )
    places = [TopicPartition(GPS_PINGS.name, p, 0) for p in range(PARTITIONS)]
    left = sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)
    total = left
    consumer.assign(places)
    redis = Redis(port=options.redis_port)
    decode = msgspec.json.Decoder(GpsPing).decode
    seen: set[str] = set()
    speeds: dict[tuple[int, int], list[float]] = defaultdict(list)
    newest_ms = 0
    began = time.monotonic()
    while left:
        batch = consumer.consume(min(BATCH, left), 10.0)
        left -= len(batch)
        newest: dict[tuple[str, int], tuple[int, bytes]] = {}
        for message in batch:
            value = message.value()
            try:
                ping = decode(value or b"")
                at_ms = epoch_ms(ping.event_time)
            except (msgspec.DecodeError, ValueError):
                continue
            if ping.event_type != "gps_ping" or ping.event_id in seen:
                continue
            seen.add(ping.event_id)
            key = (ping.entity_id, at_ms // 1000)
            if value is not None and newest.get(key, (0, b""))[0] <= at_ms:
                newest[key] = (at_ms, value)
            zone = zone_at(ping.lat, ping.lon)
            if zone is not None:
                speeds[zone, at_ms // MINUTE_MS].append(ping.speed_kmh)
            newest_ms = max(newest_ms, at_ms)
        pipeline = redis.pipeline(transaction=False)
        for (entity, _), (_, value) in newest.items():
            pipeline.hset("plain:positions", entity, value)
        for zone, minute in [w for w in speeds if (w[1] + 1) * MINUTE_MS + LATENESS_MS < newest_ms]:
            found = np.array(speeds.pop((zone, minute)))
            window = {
                "pings": len(found),
                "mean": found.mean(),
                "p95": float(np.percentile(found, 95)),
            }
            pipeline.set(f"plain:window:{zone}:{minute}", json.dumps(window))
        pipeline.execute()
    sys.stdout.write(json.dumps({"records": total, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
