"""Ask a service for a real answer: one function per kind, raising while there is none.

An open port proves nothing; each probe needs the part of the server that users need.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import httpx
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from redis import Redis
from redis.exceptions import RedisError
from trino import dbapi as trino_client
from trino.exceptions import Error as TrinoError

from contracts.health import READINESS_TOPIC, readiness_key
from deploy.local.layout import Layout

_TIMEOUT_S: Final = 5.0


class NotReadyError(Exception):
    """The service does not answer yet; the message says how it failed."""


def kafka(layout: Layout) -> None:
    """Write a record to the broker and read it back."""
    server = f"127.0.0.1:{layout.port('kafka')}"
    timeout_ms = int(_TIMEOUT_S * 1000)
    try:
        admin = KafkaAdminClient(bootstrap_servers=server, request_timeout_ms=timeout_ms)
        try:
            if READINESS_TOPIC not in admin.list_topics():
                admin.create_topics([NewTopic(READINESS_TOPIC, 1, 1)])
        except TopicAlreadyExistsError:
            pass
        finally:
            admin.close()
        producer = KafkaProducer(bootstrap_servers=server, max_block_ms=timeout_ms)
        try:
            sent = producer.send(READINESS_TOPIC, b"ready").get(timeout=_TIMEOUT_S)
        finally:
            producer.close(timeout=_TIMEOUT_S)
        _read_back(server, sent.offset)
    except (KafkaError, OSError, ValueError) as error:
        raise NotReadyError(f"broker: {type(error).__name__} {error}") from error


def _read_back(server: str, offset: int) -> None:
    consumer = KafkaConsumer(bootstrap_servers=server)
    try:
        partition = TopicPartition(READINESS_TOPIC, 0)
        consumer.assign([partition])
        consumer.seek(partition, offset)
        until = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < until:
            if consumer.poll(timeout_ms=500):
                return
        raise NotReadyError("broker: a record was written and could not be read back")
    finally:
        consumer.close()


def redis(layout: Layout) -> None:
    """Ping the server and write a key that expires."""
    client = Redis(host="127.0.0.1", port=layout.port("redis"), socket_timeout=_TIMEOUT_S)
    try:
        client.ping()
        client.set(readiness_key(), "1", ex=60)
    except (RedisError, OSError) as error:
        raise NotReadyError(f"redis: {error}") from error
    finally:
        client.close()


def http(port_name: str, path: str) -> Callable[[Layout], None]:
    """Return a probe that wants status 200 at a path."""

    def probe(layout: Layout) -> None:
        get_json_or_text(f"{layout.url(port_name)}{path}")

    return probe


def get_json_or_text(url: str) -> Any:
    """Return the body of a successful answer.

    Raises:
        NotReadyError: There is no answer, or its status is not 200.
    """
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        raise NotReadyError(f"{url}: {type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise NotReadyError(f"{url}: status {answer.status_code} {answer.text[:200]}")
    if answer.headers.get("content-type", "").startswith("application/json"):
        return answer.json()
    return answer.text


def catalog(layout: Layout) -> None:
    """Read the configuration and list namespaces, which needs the database."""
    get_json_or_text(f"{layout.url('catalog')}/v1/config")
    get_json_or_text(f"{layout.url('catalog')}/v1/namespaces")


def jobmanager(layout: Layout) -> None:
    """Ask for the list of jobs, which needs the dispatcher."""
    get_json_or_text(f"{layout.url('flink')}/jobs/overview")


def taskmanager(layout: Layout, slots: int) -> None:
    """Want a registered TaskManager that offers all its slots."""
    overview = get_json_or_text(f"{layout.url('flink')}/overview")
    if overview["slots-total"] < slots:
        raise NotReadyError(f"taskmanager: {overview['slots-total']} of {slots} slots registered")


def trino(layout: Layout) -> None:
    """Run a query that a worker has to compute, and one that goes through the catalog."""
    connection = trino_connection(layout)
    try:
        cursor = connection.cursor()
        cursor.execute("select count(*) from system.runtime.nodes where state = 'active'")
        if cursor.fetchone()[0] < 1:
            raise NotReadyError("trino: no active node yet")
        cursor.execute("select sum(x) from unnest(sequence(1, 10)) as t (x)")
        cursor.fetchall()
        cursor.execute("show schemas from lake")
        cursor.fetchall()
    except (TrinoError, OSError, httpx.HTTPError) as error:
        raise NotReadyError(f"trino: {type(error).__name__} {str(error)[:200]}") from error
    finally:
        connection.close()


def trino_connection(layout: Layout, timeout_s: float = 2 * _TIMEOUT_S) -> Any:
    """Return an open connection to Trino with catalog `lake` selected."""
    connect: Any = trino_client.connect  # the client has no types
    return connect(
        host="127.0.0.1",
        port=layout.port("trino"),
        user="farol",
        catalog="lake",
        request_timeout=timeout_s,
        max_attempts=1,
        # the client would ask the server first, and log of its own where it is away
        legacy_prepared_statements=False,
    )
