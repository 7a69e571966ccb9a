"""The guard of positions in Redis: newest wins, across restarts, replicas and runs."""

import random
from collections.abc import Callable
from typing import Any, cast

import h3
import msgspec
import pytest
from redis import Redis

from contracts import redis_keys
from contracts.live import Position, PositionFrame
from flink_jobs.feeder.handlers import Positions
from flink_jobs.feeder.settings import FeederSettings
from tests.integration.feeder.conftest import T0

pytestmark = pytest.mark.redis

Make = Callable[..., Position]
NOW_MS = 1_790_000_000_000


class Wall:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def positions(redis: "Redis", settings: FeederSettings, wall: Wall) -> Positions:
    return Positions(redis, "rideshare", settings, wall)


def stored(redis: "Redis") -> dict[str, Position]:
    raw: Any = redis.hgetall(redis_keys.positions("rideshare"))
    return {k.decode(): msgspec.json.decode(v, type=Position) for k, v in raw.items()}


def members(redis: "Redis", key: str) -> set[str]:
    found: Any = redis.zrange(key, 0, -1)
    return {member.decode() for member in found}


def test_all_indexes_hold_what_was_written(
    redis: "Redis", positions: Positions, position: Make
) -> None:
    one, two = position("driver-1", 1000), position("rider-1", 2000, lat=-23.6)
    assert positions.write([(one, NOW_MS), (two, NOW_MS)]) == 0
    assert stored(redis) == {"driver-1": one, "rider-1": two}
    for key in (redis_keys.positions_geo("rideshare"), redis_keys.positions_seen("rideshare")):
        assert members(redis, key) == {"driver-1", "rider-1"}
    assert redis.zscore(redis_keys.positions_seen("rideshare"), "rider-1") == T0 + 2000
    near: Any = redis.geosearch(
        redis_keys.positions_geo("rideshare"),
        longitude=two.lon,
        latitude=two.lat,
        radius=50,
        unit="m",
    )
    assert near == [b"rider-1"]


def test_any_order_repeats_and_two_feeders_end_in_the_newest(
    redis: "Redis", settings: FeederSettings, position: Make
) -> None:
    feeders = [Positions(redis, "rideshare", settings, lambda: NOW_MS) for _ in range(2)]
    chance = random.Random(4)
    sent = [
        position(f"driver-{n % 7}", at_ms, seq=seq)
        for n, at_ms in enumerate(range(0, 7000, 10))
        for seq in (1, 2)
    ] * 2
    chance.shuffle(sent)
    for start in range(0, len(sent), 50):
        batch = [(p, NOW_MS) for p in sent[start : start + 50]]
        chance.choice(feeders).write(batch)
    newest: dict[str, Position] = {}
    for each in sent:
        known = newest.get(each.entity_id, each)
        newest[each.entity_id] = max(known, each, key=lambda p: (p.event_time_ms, p.seq))
    assert stored(redis) == newest


def test_delivered_twice_changes_nothing_and_is_counted(
    redis: "Redis", positions: Positions, position: Make
) -> None:
    batch = [(position(f"driver-{n}", n), NOW_MS) for n in range(1200)]
    assert positions.write(batch) == 0
    before = stored(redis)
    assert positions.write(batch) == 1200
    assert stored(redis) == before
    counters: Any = redis.hgetall(redis_keys.stats("rideshare"))
    # 500 positions a script call, each with a message for the cell
    assert counters == {
        b"pings": b"2400",
        b"frames": b"3",
        b"positions": b"1200",
        b"stale_positions": b"1200",
    }


def test_one_message_per_cell_holds_only_what_was_taken(
    redis: "Redis", positions: Positions, position: Make
) -> None:
    positions.write([(position("driver-1", 5000), NOW_MS)])
    listener = cast(Any, redis).pubsub(ignore_subscribe_messages=True)
    listener.psubscribe(redis_keys.live_pattern("rideshare"))
    assert listener.get_message(timeout=5) is None  # the subscription itself
    far = position("driver-3", 10, lat=-23.1, lon=-46.1)
    news = [position("driver-1", 4000), position("driver-2", 10), position("driver-4", 10), far]
    positions.write([(p, NOW_MS) for p in news])
    frames = {}
    while (message := listener.get_message(timeout=1)) is not None:
        frame = msgspec.json.decode(message["data"], type=PositionFrame)
        assert message["channel"].decode() == redis_keys.live_positions_channel(
            "rideshare", frame.cell
        )
        assert frame.cell not in frames
        frames[frame.cell] = {p.entity_id for p in frame.positions}
    resolution = redis_keys.POSITION_CELL_RESOLUTION
    cells = [h3.latlng_to_cell(p.lat, p.lon, resolution) for p in (news[1], far)]
    assert frames == {cells[0]: {"driver-2", "driver-4"}, cells[1]: {"driver-3"}}


def test_a_newer_run_wins_though_its_time_starts_again(
    redis: "Redis", positions: Positions, position: Make
) -> None:
    positions.write([(position("driver-1", 900_000), NOW_MS)])
    restarted = position("driver-1", 0, run_id="run-0-by-name-older")
    assert positions.write([(restarted, NOW_MS + 5)]) == 0
    assert stored(redis)["driver-1"] == restarted
    # The old run read once more, as after lost offsets, even by records written later.
    assert positions.write([(position("driver-1", 950_000), NOW_MS + 9)]) == 1
    assert stored(redis)["driver-1"] == restarted


def test_runs_that_come_in_one_batch_are_ordered_by_their_first_record(
    redis: "Redis", positions: Positions, position: Make
) -> None:
    old, new = position(at_ms=9000, run_id="old"), position(at_ms=0, run_id="new")
    for batch in ([new, old], [old, new]):
        redis.flushall()
        positions.write([(p, NOW_MS + 5 * (p is new)) for p in batch])
        assert stored(redis)["driver-1"] == new
        assert members(redis, redis_keys.positions_of_run("rideshare", "new")) == {"driver-1"}
        assert members(redis, redis_keys.positions_of_run("rideshare", "old")) == set()


def test_positions_at_the_poles_and_odd_names_are_kept(
    redis: "Redis", positions: Positions, position: Make
) -> None:
    odd = 'é "\n 1 2'
    batch = [position(odd, 1, run_id="a b\n c"), position("pole", 1, lat=90.0, lon=180.0)]
    assert positions.write([(p, NOW_MS) for p in batch]) == 0
    assert set(stored(redis)) == {odd, "pole"}
    assert members(redis, redis_keys.positions_geo("rideshare")) == {odd}
    assert positions.write([(p, NOW_MS) for p in batch]) == 2


def test_silent_entities_go_by_the_event_time_of_their_own_run(
    redis: "Redis", positions: Positions, position: Make, settings: FeederSettings
) -> None:
    limit_ms = settings.silence_ms
    positions.write([(position("silent", 0), NOW_MS), (position("edge", 1), NOW_MS)])
    positions.write([(position("other-run", -(10**9), run_id="run-b"), NOW_MS + 1)])
    positions.write([(position("speaks", limit_ms + 1), NOW_MS)])
    assert positions.expire() == 1
    assert set(stored(redis)) == {"edge", "other-run", "speaks"}
    for key in (redis_keys.positions_geo("rideshare"), redis_keys.positions_seen("rideshare")):
        assert members(redis, key) == set(stored(redis))
    assert positions.expire() == 0
    # It comes back with its next ping.
    positions.write([(position("silent", limit_ms + 2), NOW_MS)])
    assert "silent" in stored(redis)


def test_an_ended_run_stays_until_a_newer_one_sends(
    redis: "Redis", positions: Positions, position: Make, settings: FeederSettings, wall: Wall
) -> None:
    positions.write([(position("only-old", 0), NOW_MS), (position("both", 0), NOW_MS)])
    wall.ms += 100 * settings.run_silence_ms
    assert positions.expire() == 0
    positions.write([(position("both", -5000, run_id="run-b"), wall.ms)])
    assert positions.expire() == 1
    assert {k: p.run_id for k, p in stored(redis).items()} == {"both": "run-b"}


def test_the_reduction_from_pings_to_frames_is_counted(
    redis: "Redis", settings: FeederSettings, wall: Wall, position: Make
) -> None:
    """A thousand pings of ten drivers in two cells and one frame are two messages."""
    frames: list[int] = []
    positions = Positions(redis, "rideshare", settings, wall, frames.append)
    pings = [
        position(f"driver-{n % 10}", 1000 + n, lat=-23.55 if n % 2 else -23.90) for n in range(1000)
    ]
    assert positions.write([(p, NOW_MS) for p in pings]) == 0
    raw: Any = redis.hgetall(redis_keys.stats("rideshare"))
    stats = {name.decode(): int(value) for name, value in raw.items()}
    assert stats == {"pings": 1000, "frames": 2, "positions": 10}
    assert frames == [2]
    assert positions.write([(p, NOW_MS) for p in pings]) == 10
    assert redis.hget(redis_keys.stats("rideshare"), "frames") == b"2"
    assert redis.hget(redis_keys.stats("rideshare"), "pings") == b"2000"
