"""A real Redis, emptied before each test, and positions to write."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from contracts.live import Position
from flink_jobs.feeder.settings import FeederSettings
from tests.stack_control import TestStack

T0 = 1_772_442_000_000


@pytest.fixture(scope="session")
def redis_url(stack: TestStack) -> str:
    """Return the address of a Redis server."""
    stack.up("redis")
    return f"redis://127.0.0.1:{stack.port('redis')}/0"


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    """Return a client of an empty Redis."""
    client = Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def settings(redis_url: str) -> FeederSettings:
    """Return the settings of a feeder for this Redis."""
    return FeederSettings("unused:1", redis_url, 0)


@pytest.fixture
def position() -> Callable[..., Position]:
    """Return a maker of positions."""

    def make(entity_id: str = "driver-1", at_ms: int = 0, **fields: Any) -> Position:
        values: dict[str, Any] = {
            "entity_type": "driver",
            "lat": -23.55,
            "lon": -46.63,
            "speed_kmh": 30.0,
            "heading_deg": 90.0,
            "driver_status": "available",
            "trip_id": None,
            "seq": abs(at_ms),
            "event_id": f"{entity_id}-{at_ms}",
            "run_id": "run-a",
            **fields,
        }
        return Position(entity_id=entity_id, event_time_ms=T0 + at_ms, **values)

    return make
