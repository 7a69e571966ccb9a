"""The keys of Redis that the audit compares."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis

from contracts.live import Anomaly, RegionWindow, ZoneMetrics
from contracts.redis_keys import anomalies, stats, surge, window
from deploy.audit.checks.alerts import Shown
from deploy.audit.errors import AuditError

_BATCH: Final = 5000
_TIMEOUT_S: Final = 10.0


class RedisSource:
    """Reads one Redis; every answer is None where it is not there."""

    def __init__(self, port: int) -> None:
        self._client = redis.Redis(
            host="127.0.0.1", port=port, socket_timeout=_TIMEOUT_S, socket_connect_timeout=5
        )

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def zones(self, domain: str) -> dict[int, ZoneMetrics] | None:
        """Return the newest metrics of each zone."""
        try:
            stored: Any = self._client.hgetall(surge(domain))
        except redis.RedisError:
            return None
        decode = msgspec.json.Decoder(ZoneMetrics).decode
        return {
            int(zone): _decoded(f"{surge(domain)} {zone!r}", value, decode)
            for zone, value in stored.items()
        }

    def alerts(self, domain: str) -> Shown | None:
        """Return the stream of anomalies; the feeder counts how many it was given in all."""
        try:
            entries: Any = self._client.xrange(anomalies(domain))
            given: Any = self._client.hget(stats(domain), "anomalies")
        except redis.RedisError:
            return None
        decode = msgspec.json.Decoder(Anomaly).decode
        name = anomalies(domain)
        return Shown(
            entries=[
                _decoded(f"{name} {entry!r}", fields.get(b"anomaly", b""), decode)
                for entry, fields in entries
            ],
            is_capped=int(given or 0) > len(entries),
        )

    def region_windows(
        self, keys: Sequence[tuple[int, int]]
    ) -> dict[tuple[int, int], RegionWindow] | None:
        """Return those of the asked windows (region, start) that are final and have not expired."""
        decode = msgspec.json.Decoder(RegionWindow).decode
        found: dict[tuple[int, int], RegionWindow] = {}
        try:
            for first in range(0, len(keys), _BATCH):
                some = keys[first : first + _BATCH]
                answers: Any = self._client.mget([window(*key) for key in some])
                for key, value in zip(some, answers, strict=True):
                    stored = None if value is None else _decoded(window(*key), value, decode)
                    if stored is not None and stored.is_final:
                        found[key] = stored
        except redis.RedisError:
            return None
        return found


def _decoded(name: str, value: bytes, decode: Any) -> Any:
    try:
        return decode(value)
    except msgspec.DecodeError as error:
        raise AuditError(f"Redis {name} is not what the contracts say ({error})") from error
