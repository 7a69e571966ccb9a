"""The feeder between a real Kafka and a real Redis: nothing lost, nothing malformed stops it."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from redis import Redis
from redis.exceptions import RedisError

from contracts import redis_keys
from contracts.domain import LIVE_POSITIONS
from contracts.live import Position
from flink_jobs.feeder.main import wire
from flink_jobs.feeder.settings import FeederSettings
from flink_jobs.feeder.telemetry import Telemetry
from tests.stack_control import TestStack

pytestmark = [pytest.mark.redis, pytest.mark.kafka, pytest.mark.timeout(600)]
DEADLINE_S = 120
TOPIC = LIVE_POSITIONS.name


@pytest.fixture(scope="module")
def kafka(stack: TestStack) -> str:
    stack.up("kafka", "redis")
    return stack.kafka


@pytest.fixture
def own(settings: FeederSettings, kafka: str) -> FeederSettings:
    """Return settings with a consumer group of this test."""
    return replace(settings, bootstrap_servers=kafka, group_id=f"feeder-{uuid.uuid4()}")


@pytest.fixture
def send(kafka: str) -> Callable[[list[bytes | None]], None]:
    producer = Producer({"bootstrap.servers": kafka})

    def send(values: list[bytes | None]) -> None:
        for number, value in enumerate(values):
            producer.produce(TOPIC, value, str(number).encode())
        assert producer.flush(60) == 0

    return send


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@contextlib.contextmanager
def feeding(settings: FeederSettings, telemetry: Telemetry) -> Iterator[None]:
    feeder = wire(settings, telemetry)
    thread = threading.Thread(target=feeder.run)
    thread.start()
    try:
        yield
    finally:
        feeder.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def value_of(telemetry: Telemetry, name: str, **labels: str) -> float:
    return telemetry.registry.get_sample_value(name, labels) or 0.0


def of_run(redis: "Redis", run_id: str) -> dict[str, Position]:
    raw: Any = redis.hgetall(redis_keys.positions("rideshare"))
    found = (msgspec.json.decode(v, type=Position) for v in raw.values())
    return {p.entity_id: p for p in found if p.run_id == run_id}


def test_malformed_records_are_counted_and_passed_over(
    redis: "Redis", own: FeederSettings, send: Any, position: Callable[..., Position]
) -> None:
    good = position("driver-1", 5, run_id="run-malformed")
    encoded = msgspec.json.encode(good)
    bad = [
        None,
        b"",
        b"\xff\xfe",
        b"[]",
        encoded[:40],
        encoded.replace(b'"seq":5', b'"seq":-5'),
        encoded.replace(b'"lat":-23.55', b'"lat":"-23.55"'),
        encoded.replace(b'"lat":-23.55', b'"lat":91'),
        encoded.replace(b"driver-1", b"x" * 400),
    ]
    telemetry = Telemetry()
    with feeding(own, telemetry):
        send([*bad, encoded])
        wait_until(lambda: of_run(redis, "run-malformed") != {}, "the good record came")
        wait_until(
            lambda: value_of(telemetry, "farol_feeder_malformed_total", topic=TOPIC) >= len(bad),
            "all malformed records were counted",
        )
    assert of_run(redis, "run-malformed") == {"driver-1": good}


def test_a_second_feeder_goes_on_where_the_first_stopped(
    redis: "Redis", own: FeederSettings, send: Any, position: Callable[..., Position]
) -> None:
    def batch(start: int) -> list[bytes]:
        ids = range(start, start + 500)
        return [msgspec.json.encode(position(f"d-{n}", n, run_id="run-handover")) for n in ids]

    first = Telemetry()
    with feeding(own, first):
        send(batch(0))
        wait_until(lambda: len(of_run(redis, "run-handover")) == 500, "the first half came")
    send(batch(500))
    second = Telemetry()
    with feeding(own, second):
        wait_until(lambda: len(of_run(redis, "run-handover")) == 1000, "the second half came")
    # It committed on leaving, so the second one read nothing twice.
    assert value_of(second, "farol_feeder_records_total", topic=TOPIC) == 500


def test_what_comes_while_redis_is_away_is_written_when_it_is_back(
    redis: "Redis", own: FeederSettings, send: Any, position: Callable[..., Position]
) -> None:
    telemetry = Telemetry()
    expected = {f"d-{n}": position(f"d-{n}", n, run_id="run-outage") for n in range(300)}
    with feeding(own, telemetry):
        # Redis answers every command with an error for as long as its memory limit is this low.
        redis.config_set("maxmemory", "1")
        try:
            send([msgspec.json.encode(p) for p in expected.values()])
            wait_until(
                lambda: value_of(telemetry, "farol_feeder_redis_errors_total") >= 3,
                "the outage was seen",
            )
        finally:
            with contextlib.suppress(RedisError):
                redis.config_set("maxmemory", "0")
        wait_until(lambda: of_run(redis, "run-outage") == expected, "everything came")
