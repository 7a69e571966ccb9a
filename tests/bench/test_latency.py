"""Event to Redis and event to WebSocket frame, at three rates: alone and with every job running.

Every ping carries the instant at which it was handed to Kafka as its event time; the latency is the
wall time at which a frame with it arrived, minus that. Frames carry the newest ping per driver, so
what a newer ping overtook is not counted: it never reaches a screen.
"""

import asyncio
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer
from redis import Redis
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from contracts.domain import GPS_PINGS
from contracts.live import PositionFrame
from contracts.redis_keys import live_positions_channel
from contracts.timestamps import rfc3339
from deploy.local.jobs import known_jobs
from deploy.local.layout import Layout
from tests.bench.kit import cpu_s, machine, memory_mib, say
from tests.conftest import StackFactory
from tests.e2e.steps import job_states, wait_for
from tests.stack_control import TestStack

RATES_PER_S: Final = (1_000, 5_000, 10_000)
SECONDS: Final = float(os.environ.get("FAROL_BENCH_SECONDS", "30"))
WARM_UP_S: Final = 10.0
DRIVERS: Final = 4_000
TICK_S: Final = 0.01
STEADY_S: Final = 60.0
STEADY_RATE_PER_S: Final = 5_000
"""New jobs are fed so long, at such a rate, before anything is measured: a service runs for days,
and its code is compiled in the first minutes."""
OTHER_JOBS: Final = ("ingest_bronze", "surge", "gps_aggregates", "gps_anomalies")

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def stack(_stacks: StackFactory) -> Iterator[TestStack]:
    """Return a stack with the live path only."""
    stack = _stacks(FAROL_CHECKPOINT_INTERVAL_S="30")
    stack.up("kafka", "redis", "catalog", "taskmanager", "feeder", "api")
    stack.run("jobs", "submit", "live_positions")
    say(f"\n{machine()}")
    yield stack
    stack.down()


@pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "with every job"])
def test_latency(stack: TestStack, is_alone: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if not is_alone:
        for job in set(OTHER_JOBS) & set(known_jobs(Layout.from_environment(stack.env))):
            stack.run("jobs", "submit", job)
    # new jobs read what is retained, all that was sent so far
    _send(stack.kafka, STEADY_RATE_PER_S, STEADY_S)
    if not is_alone:
        wait_for("every job has caught up", lambda: _has_caught_up(stack), timeout_s=900)
    with capsys.disabled():
        for rate in RATES_PER_S:
            _report(stack, rate, "alone" if is_alone else "all jobs")


def _has_caught_up(stack: TestStack) -> bool:
    jobs = [job for job in job_states(stack).values() if job["state"] == "RUNNING"]
    return len(jobs) > len(OTHER_JOBS) and all(
        (job["lag_records"] or 0) < RATES_PER_S[0]
        for job in jobs  # None where a topic is empty
    )


def _report(stack: TestStack, rate_per_s: int, label: str) -> None:
    in_redis, on_socket = _RedisWatch(stack), _SocketWatch(stack)
    services = {name: row["pid"] for name, row in stack.status().items() if row["pid"]}
    with in_redis, on_socket:
        _send(stack.kafka, rate_per_s, WARM_UP_S)
        in_redis.ms.clear()
        on_socket.ms.clear()
        before = {name: cpu_s(pid) for name, pid in services.items()}
        sent = _send(stack.kafka, rate_per_s, SECONDS)
        time.sleep(2.0)
    say(f"{label}, {sent / SECONDS:,.0f} pings/s for {SECONDS:.0f} s, {machine()}")
    for name, found in (("event -> Redis", in_redis.ms), ("event -> WebSocket", on_socket.ms)):
        if not found:
            say(f"  {name}: nothing arrived")
            continue
        p50, p95, p99 = np.percentile(found, (50, 95, 99))
        say(f"  {name}: p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms of {len(found):,} values")
    used = {name: cpu_s(pid) - before[name] for name, pid in services.items()}
    lines = [
        f"{name} {seconds / sent * 1e6:.1f} s/M, {sum(memory_mib(services[name]).values())} MiB"
        for name, seconds in used.items()
    ]
    say(f"  CPU and memory: {'; '.join(lines)}")
    lags = [f"{name} {job['lag_records']}" for name, job in job_states(stack).items()]
    say(f"  records behind at the end: {', '.join(lags)}")


def _send(bootstrap: str, rate_per_s: int, seconds: float) -> int:
    """Send pings of now at an even pace and return how many."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "acks": "all"})
    run_id, seq, sent = str(uuid.uuid4()), 0, 0
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        for _ in range(int(elapsed * rate_per_s) - sent):
            driver = f"driver-{sent % DRIVERS:05d}"
            seq = sent // DRIVERS
            producer.produce(GPS_PINGS.name, _ping(run_id, driver, seq), driver.encode())
            sent += 1
        producer.poll(0)
        time.sleep(TICK_S)
    producer.flush(30)
    return sent


def _ping(run_id: str, driver: str, seq: int) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    place = seq % 100 / 1e4
    return json.dumps(
        {
            "event_id": str(uuid.uuid4()),
            "event_type": "gps_ping",
            "schema_version": 1,
            "event_time": rfc3339(now_ms),
            "run_id": run_id,
            "correlation_id": None,
            "causation_id": None,
            "entity_type": "driver",
            "entity_id": driver,
            "lat": -23.55 - place,
            "lon": -46.63 - place,
            "speed_kmh": 30.0,
            "heading_deg": 90.0,
            "accuracy_m": 5.0,
            "seq": seq,
            "trip_id": None,
            "driver_status": "available",
        }
    ).encode()


class _RedisWatch:
    """Notes the age of every position that is published in Redis."""

    def __init__(self, stack: TestStack) -> None:
        self.ms: list[float] = []
        self._redis = Redis(port=stack.port("redis"))
        self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._frame = msgspec.json.Decoder(PositionFrame).decode

    def __enter__(self) -> None:
        pattern = live_positions_channel(GPS_PINGS.domain, "*")
        self._pubsub.psubscribe(**{pattern: self._on_frame})
        self._thread = self._pubsub.run_in_thread(sleep_time=0.05, daemon=True)

    def _on_frame(self, message: dict[str, bytes]) -> None:
        now_ms = time.time() * 1000
        self.ms += [now_ms - p.event_time_ms for p in self._frame(message["data"]).positions]

    def __exit__(self, *_: object) -> None:
        self._thread.stop()
        self._thread.join(10)
        self._redis.close()


class _SocketWatch:
    """Notes the age of every position that a WebSocket client gets in a delta."""

    def __init__(self, stack: TestStack) -> None:
        self.ms: list[float] = []
        self._stack = stack
        self._halt = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        self._thread.join(10)

    async def _watch(self) -> None:
        url = f"ws://127.0.0.1:{self._stack.port('api')}/ws"
        protocol = Subprotocol(f"apikey.{self._stack.api_key}")
        async with connect(url, subprotocols=[protocol], max_size=None) as socket:
            box = {"west": -47.5, "south": -24.5, "east": -45.5, "north": -22.5}
            await socket.send(
                json.dumps({"type": "subscribe", "channels": ["positions"], "viewport": box})
            )
            while not self._halt.is_set():
                try:
                    text = await asyncio.wait_for(socket.recv(), 0.5)
                except TimeoutError:
                    continue
                now_ms = time.time() * 1000
                message = json.loads(text)
                if message["type"] == "delta":
                    self.ms += [now_ms - p["event_time_ms"] for p in message["positions"]]
