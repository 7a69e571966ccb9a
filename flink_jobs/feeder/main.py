"""Entry of the feeder: `python -m flink_jobs.feeder.main [--option value ...]`; SIGTERM ends it."""

import logging
import signal
import sys
import time
from dataclasses import replace
from threading import Thread
from typing import Any

import psycopg
from confluent_kafka import Consumer
from prometheus_client import start_http_server
from redis import Redis

from contracts.domain import (
    ANOMALIES,
    ASSEMBLED_TRIPS,
    LIVE_POSITIONS,
    REGION_WINDOWS,
    ZONE_METRICS,
)
from contracts.live import AssembledTrip
from flink_jobs.feeder.handlers import Anomalies, Handler, Positions, Windows, Zones, handlers
from flink_jobs.feeder.loop import Feeder
from flink_jobs.feeder.postgres import TripStore
from flink_jobs.feeder.settings import FeederSettings, FeederSettingsError, parse
from flink_jobs.feeder.telemetry import Telemetry

_log = logging.getLogger("feeder")


def wire(settings: FeederSettings, telemetry: Telemetry) -> Feeder:
    """Return a feeder with its clients; nothing is connected before `run`."""
    redis = Redis.from_url(settings.redis_url, socket_connect_timeout=2, socket_timeout=10)
    positions = Positions(
        redis, LIVE_POSITIONS.domain, settings, _now_ms, telemetry.position_frames.inc
    )
    zones = Zones(redis, ZONE_METRICS.domain)
    windows = Windows(redis, REGION_WINDOWS.domain, settings)
    anomalies = Anomalies(redis, ANOMALIES.domain, _now_ms)
    return Feeder(
        Consumer(consumer_config(settings)),
        handlers(positions, zones, windows, anomalies),
        positions.expire,
        telemetry,
        frame_s=settings.frame_ms / 1000,
        batch_records=settings.batch_records,
    )


def wire_postgres(settings: FeederSettings, telemetry: Telemetry) -> Feeder:
    """Return the feeder of the database, a consumer group of its own."""
    store = TripStore(settings.postgres_url)
    own = replace(settings, group_id=f"{settings.group_id}-postgres")
    return Feeder(
        Consumer(consumer_config(own)),
        [Handler(ASSEMBLED_TRIPS.name, AssembledTrip, store.write)],
        lambda: 0,
        telemetry,
        frame_s=settings.frame_ms / 1000,
        batch_records=settings.batch_records,
        outage=psycopg.OperationalError,
    )


def consumer_config(settings: FeederSettings) -> dict[str, Any]:
    """Return the configuration of the Kafka client.

    Small fetches at once instead of large ones later: the live map waits for them. Topics that do
    not exist yet are looked for every few seconds, not every five minutes.
    """
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": settings.group_id,
        "client.id": "farol-feeder",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": False,
        "fetch.min.bytes": 1,
        "fetch.wait.max.ms": 10,
        "topic.metadata.refresh.interval.ms": 5000,
        "allow.auto.create.topics": False,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 2000,
    }


def main() -> None:
    """Read the settings, serve metrics on loopback, feed until SIGTERM.

    Raises:
        SystemExit: With code 2 and one clear message where an option cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = parse(sys.argv[1:])
    except FeederSettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    telemetry = Telemetry()
    feeder = wire(settings, telemetry)
    feeders = [feeder]
    if settings.postgres_url:
        feeders.append(wire_postgres(settings, telemetry))

    def stop(*_: object) -> None:
        for each in feeders:
            each.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    start_http_server(settings.metrics_port, addr="127.0.0.1", registry=telemetry.registry)
    _log.info("feeder_started settings=%s", settings)
    # A thread that dies must be seen: the process ends with it and is started again.
    others = [Thread(target=_guarded, args=(each, feeder)) for each in feeders[1:]]
    for other in others:
        other.start()
    feeder.run()
    stop()
    for other in others:
        other.join()
    _log.info("feeder_stopped")


def _guarded(feeder: Feeder, main_feeder: Feeder) -> None:
    try:
        feeder.run()
    finally:
        main_feeder.stop()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main()
