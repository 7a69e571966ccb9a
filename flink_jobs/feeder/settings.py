"""Settings of the feeder, read once from the environment and the command line."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from contracts.ports import port

POSTGRES_VARIABLE: Final = "FAROL_POSTGRES_URL"
"""Holds a password, so it comes through the environment and has no default."""
MAX_FRAME_MS: Final = 100
"""A frame longer than this would show on the map."""


_POSTGRES: Final = ("postgresql://", "postgres://")


class FeederSettingsError(Exception):
    """An option or a variable of the environment has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class FeederSettings:
    """Everything the feeder is told from outside.

    Attributes:
        bootstrap_servers: Kafka, `host:port[,host:port]`.
        redis_url: Redis, `redis://host:port/db`.
        metrics_port: Port on 127.0.0.1 for Prometheus.
        group_id: Kafka consumer group; replicas share it.
        frame_ms: How long records are gathered before they are written together.
        batch_records: Most records in one frame.
        silence_ms: Event time after which an entity without a newer position is removed.
        run_silence_ms: Wall time after which a run that no longer sends gives its entities up,
            once a newer run sends.
        window_ttl_s: How long a region's window stays in Redis.
        windows_per_region: Newest windows kept per region.
        postgres_url: Database for assembled trips, `postgresql://...`; empty where there is none.
    """

    bootstrap_servers: str
    redis_url: str
    metrics_port: int
    group_id: str = "farol-feeder"
    frame_ms: int = 50
    batch_records: int = 5000
    silence_ms: int = 180_000
    run_silence_ms: int = 60_000
    window_ttl_s: int = 3600
    windows_per_region: int = 2880
    postgres_url: str = field(default="", repr=False)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise FeederSettingsError(f"feeder: {message}\n{self.format_usage().strip()}")


_NUMBERS: Final = {
    "frame_ms": (1, MAX_FRAME_MS),
    "batch_records": (1, 100_000),
    "silence_ms": (1_000, 10**12),
    "run_silence_ms": (1_000, 10**12),
    "window_ttl_s": (1, 10**9),
    "windows_per_region": (1, 10**9),
}


def parse(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> FeederSettings:
    """Return the settings of the feeder.

    Raises:
        FeederSettingsError: An option is unknown or cannot be used; the message says what to write.
    """
    env = os.environ if environ is None else environ
    text = env.get("FAROL_PORT_OFFSET") or "0"
    try:
        offset = int(text)
        kafka, redis, metrics = (port(name, offset) for name in ("kafka", "redis", "feeder"))
    except ValueError as error:
        raise FeederSettingsError(
            f"FAROL_PORT_OFFSET={text!r} cannot be used ({error}): set a whole number such as 1000"
        ) from error
    defaults = FeederSettings(f"127.0.0.1:{kafka}", f"redis://127.0.0.1:{redis}/0", metrics)
    parser = _Parser(prog="feeder", allow_abbrev=False)
    parser.add_argument("--bootstrap-servers", default=defaults.bootstrap_servers)
    parser.add_argument("--redis-url", default=defaults.redis_url)
    parser.add_argument("--metrics-port", type=int, default=defaults.metrics_port)
    parser.add_argument("--group-id", default=defaults.group_id)
    parser.add_argument("--postgres-url", default=env.get(POSTGRES_VARIABLE, ""))
    for name in _NUMBERS:
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=getattr(defaults, name)
        )
    known = vars(parser.parse_args(list(arguments)))
    for name, (low, high) in _NUMBERS.items():
        if not low <= known[name] <= high:
            option = name.replace("_", "-")
            raise FeederSettingsError(f"--{option} {known[name]} lies outside {low} to {high}")
    if known["postgres_url"] and not known["postgres_url"].startswith(_POSTGRES):
        raise FeederSettingsError(
            f"{POSTGRES_VARIABLE} is no address of a database: set {_POSTGRES[0]}user@host/name"
        )
    return FeederSettings(**known)
