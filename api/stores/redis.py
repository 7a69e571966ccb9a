"""Redis, read only: newest positions, surge by zone, windows by region, counters of the feeder.

Every value is decoded strictly into the struct of `contracts.live`; what does not decode is passed
over and counted.
"""

import math
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar, cast

import msgspec
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from contracts import redis_keys
from contracts.live import Position, RegionWindow, Viewport, ZoneMetrics

CONNECT_TIMEOUT_S: Final = 2.0
ANSWER_TIMEOUT_S: Final = 5.0
MAX_CONNECTIONS: Final = 32
INDEX_PAGE: Final = 256
MAX_INDEX_PAGES: Final = 8
METRES_PER_DEGREE: Final = 111_320.0
_BOX_MARGIN_RATIO: Final = 1.02

T = TypeVar("T", Position, ZoneMetrics, RegionWindow)


def connect(url: str, *, retries: int = 1) -> "Redis":
    """Return a client with bounded connections and time-outs; it connects at its first command.

    Args:
        url: Address, e.g. `redis://127.0.0.1:6379/0`.
        retries: How often a command is repeated on a new connection. A subscriber takes 0: the
            client would otherwise subscribe again in silence, and what was said in between would be
            missed without anybody knowing.
    """
    return Redis.from_url(
        url,
        retry=Retry(ConstantBackoff(0.05), retries),
        max_connections=MAX_CONNECTIONS,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        health_check_interval=15,
    )


class RedisStore:
    """Reads what the jobs of one domain keep in Redis."""

    def __init__(self, client: "Redis", domain: str, undecodable: Counter) -> None:
        self._client = client
        self._domain = domain
        self._undecodable = undecodable

    async def ping(self) -> None:
        """Return when Redis has answered.

        Raises:
            redis.exceptions.RedisError: It did not.
        """
        await self._client.ping()

    async def positions_in(self, box: Viewport, limit: int) -> list[Position]:
        """Return at most `limit` positions inside the box, nearest to its middle first."""
        wanted = limit * 2 + 64
        found = await self._candidates(box, wanted)
        inside = await self._inside(found, box)
        if len(inside) < limit and len(found) == wanted:
            # Candidates come from a slightly larger box, so the cut may have fallen on those
            # outside.
            inside = await self._inside(await self._candidates(box, None), box)
        return inside[:limit]

    async def all_positions(self) -> list[Position]:
        """Return the newest position of every entity."""
        key = redis_keys.positions(self._domain)
        values = await cast(Awaitable[list[bytes]], self._client.hvals(key))
        return self._decoded(values, Position)

    async def entity_ids(self) -> set[str]:
        """Return the ids of all entities that have a position."""
        key = redis_keys.positions(self._domain)
        keys = await cast(Awaitable[list[bytes]], self._client.hkeys(key))
        return {raw.decode() for raw in keys}

    async def all_zone_metrics(self) -> list[ZoneMetrics]:
        """Return the newest window of every zone that has one, by zone."""
        key = redis_keys.surge(self._domain)
        values = await cast(Awaitable[list[bytes]], self._client.hvals(key))
        return sorted(self._decoded(values, ZoneMetrics), key=lambda metrics: metrics.zone_id)

    async def zone_metrics(self, zone_id: int) -> ZoneMetrics | None:
        """Return the newest window of one zone, None if there is none yet."""
        key = redis_keys.surge(self._domain)
        value = await cast(Awaitable[bytes | None], self._client.hget(key, str(zone_id)))
        found = self._decoded([value], ZoneMetrics)
        return found[0] if found else None

    async def region_windows(self, region_id: int, limit: int) -> list[RegionWindow]:
        """Return the newest windows of a region that have not expired, newest first.

        The index may name windows that have expired since, so it is read on until `limit` live ones
        are found.
        """
        index, found = redis_keys.window_index(region_id), list[RegionWindow]()
        for page in range(MAX_INDEX_PAGES):
            first = page * INDEX_PAGE
            starts = await cast(
                Awaitable[list[bytes]],
                self._client.zrange(index, first, first + INDEX_PAGE - 1, desc=True),
            )
            if not starts:
                break
            keys = [redis_keys.window(region_id, int(start)) for start in starts]
            values = await cast(Awaitable[list[bytes | None]], self._client.mget(keys))
            found += self._decoded(values, RegionWindow)
            if len(found) >= limit or len(starts) < INDEX_PAGE:
                break
        return found[:limit]

    async def counters(self) -> dict[str, int]:
        """Return the counters that the feeder keeps."""
        key = redis_keys.stats(self._domain)
        fields = await cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(key))
        return {
            name.decode(): int(value)
            for name, value in sorted(fields.items())
            if value.removeprefix(b"-").isdigit()
        }

    async def _candidates(self, box: Viewport, count: int | None) -> list[bytes]:
        # A degree of longitude is widest on the parallel nearest to the equator.
        widest_deg = 0.0 if box.south <= 0 <= box.north else min(abs(box.south), abs(box.north))
        width_m = (box.east - box.west) * METRES_PER_DEGREE * _cosine(widest_deg)
        height_m = (box.north - box.south) * METRES_PER_DEGREE
        found = await self._client.geosearch(
            redis_keys.positions_geo(self._domain),
            longitude=(box.west + box.east) / 2,
            latitude=(box.south + box.north) / 2,
            width=width_m * _BOX_MARGIN_RATIO + 10.0,
            height=height_m * _BOX_MARGIN_RATIO + 10.0,
            unit="m",
            sort="ASC",
            count=count,
        )
        return cast(list[bytes], found)

    async def _inside(self, ids: Sequence[bytes], box: Viewport) -> list[Position]:
        if not ids:
            return []
        key = redis_keys.positions(self._domain)
        values = await cast(Awaitable[list[bytes | None]], self._client.hmget(key, list(ids)))
        return [p for p in self._decoded(values, Position) if contains(box, p.lat, p.lon)]

    def _decoded(self, values: Sequence[bytes | None], kind: type[T]) -> list[T]:
        decoder, found = msgspec.json.Decoder(kind), list[T]()
        for value in values:
            if value is None:
                continue
            try:
                found.append(decoder.decode(value))
            except msgspec.DecodeError:
                self._undecodable.labels(kind.__name__).inc()
        return found


def contains(box: Viewport, lat: float, lon: float) -> bool:
    """Return whether a point lies in a box, borders included."""
    return box.south <= lat <= box.north and box.west <= lon <= box.east


def _cosine(latitude_deg: float) -> float:
    return math.cos(math.radians(latitude_deg))
