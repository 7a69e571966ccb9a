"""What each derived topic becomes in Redis: one handler per topic, listed in `handlers`.

A handler decodes strictly and writes a batch by one script; the script holds the guard, so that a
repeat, an older value or a second feeder never takes Redis back.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import h3
import msgspec
from redis import Redis

from contracts import redis_keys
from contracts.domain import ANOMALIES, LIVE_POSITIONS, REGION_WINDOWS, ZONE_METRICS
from contracts.live import Anomaly, Position, RegionWindow, ZoneMetrics
from flink_jobs.feeder.settings import FeederSettings
from flink_jobs.logic.newest import newest, runs_of

SCRIPTS: Final = Path(__file__).parent / "scripts"
CHUNK: Final = 500
"""Values per script call: Redis serves nobody else while a script runs (about 3 ms for these)."""
RUNS_KEPT: Final = 1000
ANOMALIES_KEPT: Final = 10_000
"""Newest entries of the stream of anomalies, some 5 MB; topic and lake have the others."""
IDENTITIES_KEPT: Final = 100_000
"""Identities that tell a repeated anomaly from news: far more than a feeder could read again."""

C = TypeVar("C")


class Script(Protocol):
    """A script registered with a Redis client."""

    def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int | float]) -> object:
        """Run the script."""
        ...


class Handler:
    """One derived topic: the struct of its records and what a batch of them does to Redis."""

    def __init__(
        self,
        topic: str,
        struct: type[msgspec.Struct],
        write: Callable[[Sequence[tuple[Any, int]]], int],
    ) -> None:
        self.topic = topic
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(struct, strict=True)
        self._write = write

    def decode(self, value: bytes | None) -> object:
        """Return the value of a record.

        Raises:
            msgspec.DecodeError: It is no record of this topic.
        """
        if value is None:
            raise msgspec.DecodeError("the record has no value")
        return self._decoder.decode(value)

    def write(self, records: Sequence[tuple[Any, int]]) -> int:
        """Write values with the wall time of their records; return how many were stale."""
        return self._write(records)


def handlers(
    positions: "Positions", zones: "Zones", windows: "Windows", anomalies: "Anomalies"
) -> list[Handler]:
    """Return the handler of every derived topic."""
    return [
        Handler(LIVE_POSITIONS.name, Position, positions.write),
        Handler(ZONE_METRICS.name, ZoneMetrics, zones.write),
        Handler(REGION_WINDOWS.name, RegionWindow, windows.write),
        Handler(ANOMALIES.name, Anomaly, anomalies.write),
    ]


class Positions:
    """Newest position per entity: hash, geo index, indexes by time, one message per cell."""

    def __init__(
        self,
        redis: "Redis",
        domain: str,
        settings: FeederSettings,
        now_ms: Callable[[], int],
        count_frames: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Take what to write with; `count_frames` hears how many frames were published."""
        self._count_frames = count_frames
        self._place = _script(redis, "place_positions")
        self._expire = _script(redis, "expire_positions")
        self._settings = settings
        self._now_ms = now_ms
        self._run_prefix = redis_keys.positions_of_run(domain, "")
        self._channel_prefix = redis_keys.live_positions_channel(domain, "")
        self._keys = [
            redis_keys.positions(domain),
            redis_keys.positions_geo(domain),
            redis_keys.positions_seen(domain),
            redis_keys.positions_versions(domain),
            redis_keys.runs(domain),
            redis_keys.run_clocks(domain),
            redis_keys.stats(domain),
        ]

    def write(self, records: Sequence[tuple[Position, int]]) -> int:
        """Write positions; return how many Redis had newer or the same of."""
        seen = runs_of(records, lambda p: p.event_time_ms)
        head: list[str | bytes | int | float] = [
            self._run_prefix,
            self._channel_prefix,
            self._now_ms(),
            RUNS_KEPT,
        ]
        runs: list[str | bytes | int | float] = [len(seen)]
        for run_id, each in seen.items():
            runs += (run_id, each.first_wall_ms, each.newest_event_ms)
        latest = newest(
            (position for position, _ in records),
            key=lambda p: (p.entity_id, p.run_id),
            version=lambda p: (p.event_time_ms, p.seq),
        )
        taken, pings = 0, len(records)
        for chunk in _chunks(latest):
            args = [*head, pings, *runs]
            pings = 0  # all of them are told with the first chunk
            for position in chunk:
                args += _position_args(position)
            new, frames = _counts(self._place(self._keys, args))
            taken += new
            self._count_frames(frames)
        return len(latest) - taken

    def expire(self) -> int:
        """Remove a bounded number of silent entities; return how many."""
        settings = self._settings
        args = (self._run_prefix, settings.silence_ms, self._now_ms(), settings.run_silence_ms)
        return _first(self._expire(self._keys, [*args, CHUNK]))


class Zones:
    """Newest window per zone, and one message with those that changed."""

    def __init__(self, redis: "Redis", domain: str) -> None:
        self._measure = _script(redis, "measure_zones")
        self._channel = redis_keys.live_surge_channel(domain)
        self._keys = [redis_keys.surge(domain), redis_keys.runs(domain), redis_keys.stats(domain)]

    def write(self, records: Sequence[tuple[ZoneMetrics, int]]) -> int:
        """Write windows of zones; return how many Redis had newer or the same of."""
        seen = runs_of(records, lambda z: z.window_end_ms)
        head: list[str | bytes | int | float] = [self._channel, len(seen)]
        for run_id, each in seen.items():
            head += (run_id, each.first_wall_ms)
        latest = newest(
            (zone for zone, _ in records),
            key=lambda z: (z.zone_id, z.run_id),
            version=lambda z: (z.window_end_ms,),
        )
        taken = 0
        for chunk in _chunks(latest):
            args = list(head)
            for zone in chunk:
                json = msgspec.json.encode(zone)
                args += (zone.zone_id, zone.run_id, zone.window_end_ms, json)
            taken += _first(self._measure(self._keys, args))
        return len(latest) - taken


class Windows:
    """Windows of regions with a time to live, and an index of the newest per region."""

    def __init__(self, redis: "Redis", domain: str, settings: FeederSettings) -> None:
        self._store = _script(redis, "store_windows")
        self._settings = settings
        self._keys = [redis_keys.stats(domain)]

    def write(self, records: Sequence[tuple[RegionWindow, int]]) -> int:
        """Write windows of regions; return how many Redis had newer or the same of."""
        latest = newest(
            (window for window, _ in records),
            key=lambda w: (w.region_id, w.window_start_ms),
            version=lambda w: (w.is_final, w.trip_count),
        )
        taken = 0
        for chunk in _chunks(latest):
            args: list[str | bytes | int | float] = [
                self._settings.window_ttl_s,
                self._settings.windows_per_region,
            ]
            for window in chunk:
                key = redis_keys.window(window.region_id, window.window_start_ms)
                start = str(window.window_start_ms)
                args += (
                    key,
                    redis_keys.window_index(window.region_id),
                    key.removesuffix(start),
                    start,
                    int(window.is_final),
                    msgspec.json.encode(window),
                    window.trip_count,
                )
            taken += _first(self._store(self._keys, args))
        return len(latest) - taken


class Anomalies:
    """A capped stream of what is new, each once; a repeat is known by identifier and phase."""

    def __init__(self, redis: "Redis", domain: str, now_ms: Callable[[], int]) -> None:
        self._append = _script(redis, "append_anomalies")
        self._channel = redis_keys.live_anomalies_channel(domain)
        self._now_ms = now_ms
        self._keys = [
            redis_keys.anomalies(domain),
            redis_keys.anomalies_known(domain),
            redis_keys.stats(domain),
        ]

    def write(self, records: Sequence[tuple[Anomaly, int]]) -> int:
        """Write anomalies; return how many Redis had already."""
        taken = 0
        for chunk in _chunks(records):
            args: list[str | bytes | int | float] = [
                self._channel,
                ANOMALIES_KEPT,
                IDENTITIES_KEPT,
                self._now_ms(),
            ]
            for anomaly, _ in chunk:
                args += (f"{anomaly.anomaly_id} {anomaly.phase}", msgspec.json.encode(anomaly))
            taken += _first(self._append(self._keys, args))
        return len(records) - taken


def _position_args(position: Position) -> tuple[str | bytes | int | float, ...]:
    cell = h3.latlng_to_cell(position.lat, position.lon, redis_keys.POSITION_CELL_RESOLUTION)
    return (
        position.entity_id,
        position.run_id,
        position.event_time_ms,
        position.seq,
        position.lon,
        position.lat,
        cell,
        msgspec.json.encode(position),
    )


def _script(redis: "Redis", name: str) -> Script:
    return redis.register_script((SCRIPTS / f"{name}.lua").read_text(encoding="utf-8"))


def _first(answer: object) -> int:
    return _counts(answer)[0]


def _counts(answer: object) -> list[int]:
    """Return the counts that a script answered.

    Raises:
        TypeError: It answered something else.
    """
    numbers = answer if isinstance(answer, list) else [answer]
    if not numbers or not all(isinstance(number, int) for number in numbers):
        raise TypeError(f"a script answered {answer!r}, not counts")
    return numbers


def _chunks(values: Sequence[C]) -> Iterator[Sequence[C]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
