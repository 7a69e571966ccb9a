"""Zone metrics and region windows in Redis: an older or early value never replaces a newer one."""

from typing import Any, cast

import msgspec
import pytest
from redis import Redis

from contracts import redis_keys
from contracts.live import RegionWindow, ZoneMetrics
from flink_jobs.feeder.handlers import Windows, Zones
from flink_jobs.feeder.settings import FeederSettings
from tests.integration.feeder.conftest import T0

pytestmark = pytest.mark.redis
NOW_MS = 1_790_000_000_000


def metrics(zone_id: int, end_ms: int, run_id: str = "run-a", multiplier: float = 1.0) -> Any:
    return ZoneMetrics(
        zone_id=zone_id,
        window_start_ms=T0 + end_ms - 300_000,
        window_end_ms=T0 + end_ms,
        open_requests=1,
        idle_drivers=2,
        ratio=0.5,
        smoothed_ratio=0.5,
        multiplier=multiplier,
        late_records=0,
        run_id=run_id,
    )


def window(region_id: int, start_ms: int, trips: int = 1, is_final: bool = True) -> RegionWindow:
    return RegionWindow(
        region_id=region_id,
        window_start_ms=T0 + start_ms,
        window_end_ms=T0 + start_ms + 60_000,
        trip_count=trips,
        average_fare_minor=1000.5,
        total_distance_m=10.0,
        average_duration_s=600.0,
        p50_duration_s=500.0,
        p95_duration_s=900.0,
        currency="USD",
        is_final=is_final,
    )


def zones_in(redis: "Redis") -> dict[int, ZoneMetrics]:
    raw: Any = redis.hgetall(redis_keys.surge("rideshare"))
    return {int(k): msgspec.json.decode(v, type=ZoneMetrics) for k, v in raw.items()}


def test_the_newest_window_of_a_zone_stays_and_only_changes_are_published(redis: "Redis") -> None:
    zones = Zones(redis, "rideshare")
    listener = cast(Any, redis).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(redis_keys.live_surge_channel("rideshare"))
    assert listener.get_message(timeout=5) is None
    first = [metrics(1, 20_000), metrics(2, 10_000), metrics(1, 10_000)]
    assert zones.write([(m, NOW_MS) for m in first]) == 0
    assert zones.write([(metrics(1, 10_000), NOW_MS), (metrics(2, 30_000), NOW_MS)]) == 1
    assert zones_in(redis) == {1: first[0], 2: metrics(2, 30_000)}
    heard = []
    while (message := listener.get_message(timeout=1)) is not None:
        heard.append(msgspec.json.decode(message["data"], type=list[ZoneMetrics]))
    assert heard == [[first[0], first[1]], [metrics(2, 30_000)]]
    assert zones.write([(m, NOW_MS) for m in first]) == 2


def test_a_newer_run_replaces_a_zone_though_its_time_starts_again(redis: "Redis") -> None:
    zones = Zones(redis, "rideshare")
    zones.write([(metrics(1, 900_000), NOW_MS)])
    assert zones.write([(metrics(1, 10_000, "run-0"), NOW_MS + 1)]) == 0
    assert zones.write([(metrics(1, 990_000), NOW_MS + 2)]) == 1
    assert zones_in(redis)[1].run_id == "run-0"


def test_windows_have_a_time_to_live_and_an_index(redis: "Redis", settings: FeederSettings) -> None:
    windows = Windows(redis, "taxi", settings)
    sent = [window(7, 60_000), window(7, 0), window(8, 0)]
    assert windows.write([(w, NOW_MS) for w in sent]) == 0
    for each in sent:
        key = redis_keys.window(each.region_id, each.window_start_ms)
        raw: Any = redis.get(key)
        assert msgspec.json.decode(raw, type=RegionWindow) == each
        left: Any = redis.ttl(key)
        assert 0 < left <= settings.window_ttl_s
    index: Any = redis.zrange(redis_keys.window_index(7), 0, -1)
    assert index == [str(T0).encode(), str(T0 + 60_000).encode()]
    left = redis.ttl(redis_keys.window_index(7))
    assert 0 < left <= settings.window_ttl_s


def test_an_early_result_never_replaces_a_final_one(
    redis: "Redis", settings: FeederSettings
) -> None:
    windows = Windows(redis, "taxi", settings)
    key = redis_keys.window(7, T0)

    def trips() -> int:
        raw: Any = redis.get(key)
        return msgspec.json.decode(raw, type=RegionWindow).trip_count

    assert windows.write([(window(7, 0, 1, is_final=False), NOW_MS)]) == 0
    assert windows.write([(window(7, 0, 2, is_final=False), NOW_MS)]) == 0
    assert trips() == 2
    # Read again after a restart, an older early result comes after a newer one.
    assert windows.write([(window(7, 0, 1, is_final=False), NOW_MS)]) == 1
    assert trips() == 2
    assert windows.write([(window(7, 0, 3), NOW_MS)]) == 0
    assert windows.write([(window(7, 0, 2, is_final=False), NOW_MS)]) == 1
    assert trips() == 3
    # In one batch the final one wins wherever it stands.
    both = [window(7, 0, 5, is_final=True), window(7, 0, 4, is_final=False)]
    windows.write([(w, NOW_MS) for w in both])
    assert trips() == 5


def test_only_the_newest_windows_of_a_region_are_kept(
    redis: "Redis", settings: FeederSettings
) -> None:
    small = FeederSettings("unused:1", settings.redis_url, 0, windows_per_region=3)
    windows = Windows(redis, "taxi", small)
    windows.write([(window(7, n * 60_000), NOW_MS) for n in (0, 1, 2, 4, 3)])
    starts: Any = redis.zrange(redis_keys.window_index(7), 0, -1)
    assert [int(s) for s in starts] == [T0 + n * 60_000 for n in (2, 3, 4)]
    keys: Any = redis.keys("region:7:window:*")
    assert {int(k.rsplit(b":", 1)[1]) for k in keys} == {int(s) for s in starts}
