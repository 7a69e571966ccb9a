"""Redis to hub: one subscription, reconnection with backoff, a look at what has expired."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Final, Protocol, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.live.anomalies import ANOMALIES_SHOWN
from api.live.hub import Hub
from api.telemetry import Telemetry
from contracts import redis_keys
from contracts.live import Anomaly, Position, PositionFrame, ZoneMetrics

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
RECONCILE_S: Final = 10.0
POLL_S: Final = 1.0
MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
_LOG: Final = logging.getLogger("api.live")


class NewestValues(Protocol):
    """What the listener asks the store for."""

    async def all_positions(self) -> list[Position]:
        """Return the newest position of every entity."""
        ...

    async def all_zone_metrics(self) -> list[ZoneMetrics]:
        """Return the newest window of every zone."""
        ...

    async def entity_ids(self) -> set[str]:
        """Return the ids of all entities that have a position."""
        ...


class AnomalyLog(Protocol):
    """What the listener asks the log of anomalies for."""

    def newest_first(self) -> AsyncIterator[tuple[str, Anomaly]]:
        """Return entries with their cursors, newest first."""
        ...

    async def ended_runs(self) -> set[str]:
        """Return the runs that no longer send, while a newer one does."""
        ...


class Listener:
    """Feeds a hub from the live channels of one domain until it is cancelled."""

    def __init__(
        self,
        client: "Redis",
        store: NewestValues,
        log: AnomalyLog,
        hub: Hub,
        domain: str,
        telemetry: Telemetry,
    ) -> None:
        self._client = client
        self._store = store
        self._log = log
        self._hub = hub
        self._pattern = redis_keys.live_pattern(domain)
        self._surge_channel = redis_keys.live_surge_channel(domain).encode()
        self._anomalies_channel = redis_keys.live_anomalies_channel(domain).encode()
        self._position_prefix = redis_keys.live_positions_channel(domain, "").encode()
        self._telemetry = telemetry
        self._frames = msgspec.json.Decoder(PositionFrame)
        self._zones = msgspec.json.Decoder(list[ZoneMetrics])
        self._anomalies = msgspec.json.Decoder(list[Anomaly])

    async def run(self) -> None:
        """Listen for ever; after every loss of Redis subscribe anew and send fresh snapshots."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                self._hub.source_lost(type(error).__name__)
                self._telemetry.live_losses.inc()
                _LOG.warning("live_source_lost", extra={"error": str(error), "pause_s": pause_s})
            # A subscription that held counts as recovered, so the next loss starts from the short
            # pause again.
            if asyncio.get_running_loop().time() - began > LONGEST_PAUSE_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _listen(self) -> None:
        async with self._client.pubsub() as channel:
            # Subscribed first, read second: what comes in between is in both, and the newest wins.
            await channel.psubscribe(self._pattern)
            self._hub.source_found(
                await self._store.all_positions(),
                await self._store.all_zone_metrics(),
                await self.newest_anomalies(),
            )
            _LOG.info("live_source_found", extra={"pattern": self._pattern})
            clock = asyncio.get_running_loop().time
            reconcile_at = clock() + RECONCILE_S
            while True:
                message = await channel.get_message(ignore_subscribe_messages=True, timeout=POLL_S)
                if message is not None:
                    self.take(cast(bytes, message["channel"]), cast(bytes, message["data"]))
                if clock() >= reconcile_at:
                    self._hub.keep_only(await self._store.entity_ids())
                    self._hub.forget_runs(await self._log.ended_runs())
                    reconcile_at = clock() + RECONCILE_S

    async def newest_anomalies(self) -> list[Anomaly]:
        """Return what viewers see at first, oldest first: the newest, and all that are open."""
        ended = await self._log.ended_runs()
        found, closed = list[Anomaly](), set[str]()
        async for _, anomaly in self._log.newest_first():
            if anomaly.run_id in ended or anomaly.anomaly_id in closed:
                continue
            closed.add(anomaly.anomaly_id)
            if anomaly.is_open or len(found) < ANOMALIES_SHOWN:
                found.append(anomaly)
        return found[::-1]

    def take(self, channel: bytes, data: bytes) -> None:
        """Pass one message on; what cannot be decoded is counted and passed over."""
        self._telemetry.live_messages.inc()
        try:
            if len(data) > MAX_FRAME_BYTES:
                raise msgspec.ValidationError(f"{len(data)} bytes on {channel!r}")
            if channel == self._surge_channel:
                self._hub.measure(self._zones.decode(data))
            elif channel.startswith(self._position_prefix):
                self._hub.place(self._frames.decode(data).positions)
            elif channel == self._anomalies_channel:
                self._hub.note(self._anomalies.decode(data))
        except msgspec.DecodeError as error:
            self._telemetry.undecodable.labels("live_message").inc()
            _LOG.warning("live_message_undecodable", extra={"error": str(error)})
