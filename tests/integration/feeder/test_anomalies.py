"""Anomalies in Redis: a capped stream in the order of arrival, each once, and published."""

from typing import Any, cast

import msgspec
import pytest
from redis import Redis

from contracts import redis_keys
from contracts.domain import ANOMALIES
from contracts.live import Anomaly
from flink_jobs.feeder.handlers import ANOMALIES_KEPT, Anomalies
from tests.integration.feeder.conftest import T0

pytestmark = pytest.mark.redis
STREAM = redis_keys.anomalies(ANOMALIES.domain)
NOW_MS = 1_790_000_000_000


def anomaly(number: int, phase: str = "raised") -> Anomaly:
    return msgspec.convert(
        {
            "anomaly_id": f"anomaly-{number}",
            "kind": "zombie_driver",
            "phase": phase,
            "severity": "critical",
            "rule_version": 1,
            "reason": "silent",
            "entity_id": f"driver-{number}",
            "entity_type": "driver",
            "event_time_ms": T0 + number,
            "run_id": "run-a",
            "lasted_ms": 600_000,
        },
        Anomaly,
    )


def write(redis: "Redis", *found: Anomaly, at_ms: int = NOW_MS) -> int:
    return Anomalies(redis, ANOMALIES.domain, lambda: at_ms).write([(a, NOW_MS) for a in found])


def stream(redis: "Redis") -> list[Anomaly]:
    entries: Any = redis.xrange(STREAM)
    return [msgspec.json.decode(fields[b"anomaly"], type=Anomaly) for _, fields in entries]


def test_each_phase_of_an_anomaly_comes_once_whatever_is_repeated(redis: "Redis") -> None:
    raised, other, cleared = anomaly(1), anomaly(2), anomaly(1, "cleared")
    assert write(redis, raised, raised, other) == 1
    assert write(redis, other, cleared, raised) == 2
    assert stream(redis) == [raised, other, cleared]
    stats: Any = redis.hgetall(redis_keys.stats(ANOMALIES.domain))
    assert stats == {b"anomalies": b"3", b"stale_anomalies": b"3"}


def test_listeners_hear_what_is_new(redis: "Redis") -> None:
    listener = cast(Any, redis).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(redis_keys.live_anomalies_channel(ANOMALIES.domain))
    assert listener.get_message(timeout=5) is None
    write(redis, anomaly(1), anomaly(2))
    write(redis, anomaly(2), anomaly(3))
    write(redis, anomaly(3))
    heard = []
    while (message := listener.get_message(timeout=1)) is not None:
        heard.append(msgspec.json.decode(message["data"], type=list[Anomaly]))
    assert heard == [[anomaly(1), anomaly(2)], [anomaly(3)]]


def test_the_stream_keeps_the_newest_and_what_left_it_stays_known(redis: "Redis") -> None:
    everything = [anomaly(number) for number in range(ANOMALIES_KEPT + 700)]
    assert write(redis, *everything) == 0
    assert stream(redis) == everything[700:]
    assert write(redis, *everything[:10], at_ms=NOW_MS + 1) == 10
    assert stream(redis) == everything[700:]


def test_a_record_that_is_no_anomaly_is_refused() -> None:
    from flink_jobs.feeder.handlers import Handler

    handler = Handler(ANOMALIES.name, Anomaly, lambda _: 0)
    good = msgspec.json.encode(anomaly(1))
    assert handler.decode(good) == anomaly(1)
    for bad in (None, b"", b"[]", good.replace(b'"zombie_driver"', b'"vampire"')):
        with pytest.raises(msgspec.DecodeError):
            handler.decode(bad)
