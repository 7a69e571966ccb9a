"""The log of anomalies in Redis: a capped stream, read from its newest entry backwards."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, cast

import msgspec
from prometheus_client import Counter
from redis.asyncio import Redis

from contracts import redis_keys
from contracts.live import Anomaly

PAGE: Final = 1000
"""Entries per question to Redis, some 500 kB."""
RUN_SILENCE_MS: Final = 60_000
"""Wall time after which a run no longer sends, as the feeder counts it for positions."""

Entry = tuple[bytes, dict[bytes, bytes]]


def now_ms() -> int:
    """Return the wall time, epoch milliseconds."""
    return time.time_ns() // 1_000_000


class AnomalyLog:
    """Reads the anomalies of one domain."""

    def __init__(
        self,
        client: "Redis",
        domain: str,
        undecodable: Counter,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._client = client
        self._domain = domain
        self._undecodable = undecodable
        self._clock = clock
        self._decoder = msgspec.json.Decoder(Anomaly)

    async def newest_first(self) -> AsyncIterator[tuple[str, Anomaly]]:
        """Return every entry with its cursor, newest first, page by page.

        What does not decode is passed over and counted.
        """
        key, last = redis_keys.anomalies(self._domain), "+"
        while True:
            asked = self._client.xrevrange(key, max=last, min="-", count=PAGE)
            page = await cast(Awaitable[list[Entry]], asked)
            for cursor, fields in page:
                try:
                    yield cursor.decode(), self._decoder.decode(fields.get(b"anomaly", b""))
                except msgspec.DecodeError:
                    self._undecodable.labels(Anomaly.__name__).inc()
            if len(page) < PAGE:
                return
            last = f"({page[-1][0].decode()}"

    async def ended_runs(self) -> set[str]:
        """Return the runs that no longer send, while a newer one does.

        The last run stays when it ends, as its positions do.
        """
        runs = await cast(
            Awaitable[list[bytes]],
            self._client.zrevrange(redis_keys.runs(self._domain), 0, -1),
        )
        clocks = await cast(
            Awaitable[dict[bytes, bytes]],
            self._client.hgetall(redis_keys.run_clocks(self._domain)),
        )
        ended, newer_sends, at_ms = set[str](), False, self._clock()
        for run in runs:
            last_wall_ms = _last_wall_ms(clocks.get(run))
            if last_wall_ms is None:
                continue
            sends = at_ms - last_wall_ms <= RUN_SILENCE_MS
            if newer_sends and not sends:
                ended.add(run.decode())
            newer_sends = newer_sends or sends
        return ended


def _last_wall_ms(clock: bytes | None) -> float | None:
    parts = (clock or b"").split()
    try:
        return float(parts[1])
    except (IndexError, ValueError):
        return None
