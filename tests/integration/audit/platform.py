"""What jobs and dbt would make of the topics, in Python, so that one row can be spoilt."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import Table
from redis import Redis

from contracts.domain import ANOMALIES, DRIVER_STATUS, GPS_PINGS, TRIPS, ZONE_METRICS, Topic
from contracts.events import CONTROL_TYPES
from contracts.live import Anomaly, ZoneMetrics
from contracts.redis_keys import anomalies, surge
from contracts.tables import CATALOG
from contracts.validation import reject_reason
from tests.unit.audit.job_logic import job_anomalies

PAYMENT_COLUMNS = ("payment_id", "trip_id", "fare_minor", "fee_minor", "payout_minor", "tip_minor")


class Raw(NamedTuple):
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def read_topic(bootstrap: str, topic: str) -> Iterator[Raw]:
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "platform",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 16 * 1024 * 1024,
        }
    )
    try:
        open_ = set(reader.list_topics(topic, timeout=30).topics[topic].partitions)
        reader.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in open_])
        while open_:
            message = reader.poll(60)
            assert message is not None, f"{topic}: partitions {open_} did not come to their end"
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                open_.discard(message.partition())
                continue
            headers: Any = message.headers() or []
            yield Raw(
                message.partition() or 0,
                message.offset() or 0,
                message.key(),
                message.value(),
                headers,
            )
    finally:
        reader.close()


def dlq_headers(record: Raw, reason: str) -> list[tuple[str, str | bytes | None]]:
    """Return the headers by which a record on a DLQ topic names its origin."""
    place = {"partition": str(record.partition), "offset": str(record.offset), "reason": reason}
    return [(name, value.encode()) for name, value in place.items()]


class Platform:
    """Bronze, Silver, Gold, windows and Redis of one stack."""

    def __init__(self, bootstrap: str, catalog_uri: str, redis_port: int) -> None:
        self._bootstrap = bootstrap
        self.catalog: Catalog = load_catalog(CATALOG, type="rest", uri=catalog_uri)
        self.redis = Redis(port=redis_port)

    def ingest(self, topics: Sequence[Topic]) -> None:
        producer = Producer({"bootstrap.servers": self._bootstrap})
        for topic in topics:
            records = list(read_topic(self._bootstrap, topic.name))
            self.append(topic.bronze_table, [bronze_row(topic, record) for record in records])
            rejected = []
            for record in records:
                reason = reject_reason(topic.name, record.value)
                if reason is not None:
                    error = {"error_type": reason.split(":")[0], "error_message": reason}
                    rejected.append({**bronze_row(topic, record), **error})
                    producer.produce(
                        topic.dlq, record.value, record.key, headers=dlq_headers(record, reason)
                    )
            self.append(topic.dlq_table, rejected)
        assert producer.flush(60) == 0

    def build(self, topics: Sequence[Topic], run_id: str) -> None:
        """Build Silver and Gold."""
        trips: dict[str, list[dict[str, Any]]] = {}
        payments = []
        for topic in topics:
            rows: dict[str, dict[str, Any]] = {}
            for record in read_topic(self._bootstrap, topic.name):
                if record.value is None or reject_reason(topic.name, record.value) is not None:
                    continue
                event = msgspec.json.decode(record.value)
                if event["event_type"] in CONTROL_TYPES:
                    continue
                place = {"_kafka_partition": record.partition, "_kafka_offset": record.offset}
                rows.setdefault(event["event_id"], {"event_id": event["event_id"], **place})
                if topic is TRIPS:
                    trips.setdefault(event["trip_id"], []).append({**event, **place})
                if topic.name == "rideshare.payments" and rows[event["event_id"]].items() >= (
                    place.items()
                ):
                    wanted = {name: event[name] for name in PAYMENT_COLUMNS}
                    payments.append(
                        {**wanted, "currency": event["currency"], "run_id": run_id, **place}
                    )
            self.create(topic.staging_table, staged_schema(), list(rows.values()))
        self.create("gold.fact_trips", trips_schema(), [fact(e, run_id) for e in trips.values()])
        self.create("gold.fact_payments", payments_schema(), payments)

    def publish(self, windows: Sequence[ZoneMetrics], *, to_redis: bool = True) -> None:
        producer = Producer({"bootstrap.servers": self._bootstrap})
        newest: dict[int, ZoneMetrics] = {}
        for number, window in enumerate(windows):
            key = f"{window.zone_id}:{window.window_end_ms}"
            producer.produce(ZONE_METRICS.name, msgspec.json.encode(window), key)
            newest[window.zone_id] = window
            if number % 1000 == 0:
                producer.poll(0)
        assert producer.flush(60) == 0
        if to_redis and newest:
            values: Mapping[Any, Any] = {z: msgspec.json.encode(w) for z, w in newest.items()}
            self.redis.hset(surge("rideshare"), mapping=dict(values))

    def judge(self, run_id: str) -> list[Anomaly]:
        """Return what the anomalies job tells of the run, by event time."""
        lanes: dict[tuple[str, int], list[bytes | None]] = {}
        for topic in (GPS_PINGS.name, DRIVER_STATUS.name):
            for record in read_topic(self._bootstrap, topic):
                lanes.setdefault((topic, record.partition), []).append(record.value)
        return sorted(job_anomalies(run_id, lanes), key=lambda a: (a.event_time_ms, a.anomaly_id))

    def tell(self, alerts: Sequence[Anomaly], *, to_all: bool = True) -> None:
        """Write alerts to their topic, and to table and Redis as well."""
        producer = Producer({"bootstrap.servers": self._bootstrap})
        for alert in alerts:
            producer.produce(ANOMALIES.name, msgspec.json.encode(alert), alert.anomaly_id)
        assert producer.flush(60) == 0
        if not to_all:
            return
        self.append(ANOMALIES.stream_table, [alert_row(alert) for alert in alerts])
        for alert in alerts:
            self.redis.xadd(anomalies("rideshare"), {"anomaly": msgspec.json.encode(alert)})

    def table(self, identifier: str) -> Table:
        return self.catalog.load_table(identifier)

    def append(self, identifier: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            table = self.table(identifier)
            table.append(pa.Table.from_pylist(list(rows), schema=table.schema().as_arrow()))

    def create(self, identifier: str, schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> None:
        self.catalog.create_table(identifier, schema)
        self.append(identifier, rows)


def bronze_row(topic: Topic, record: Raw) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "_raw_value": record.value,
        "_kafka_topic": topic.name,
        "_kafka_partition": record.partition,
        "_kafka_offset": record.offset,
        "_kafka_timestamp": now,
        "_kafka_key": record.key,
        "_kafka_headers": record.headers,
        "_ingested_at": now,
        "_ingestion_date": now.date(),
    }


def alert_row(alert: Anomaly) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"_written_at": now, "_written_date": now.date(), **msgspec.to_builtins(alert)}


def fact(events: Sequence[Mapping[str, Any]], run_id: str) -> dict[str, Any]:
    """Return the row of `fact_trips` that the events of one trip give."""
    newest = max(events, key=lambda e: str(e["event_time"]))
    fares = [event["fare_minor"] for event in events if event["state"] == "COMPLETED"]
    return {
        "trip_id": newest["trip_id"],
        "state": newest["state"],
        "fare_minor": fares[0] if fares else None,
        "run_id": run_id,
        "_kafka_partition": newest["_kafka_partition"],
        "_last_kafka_offset": max(event["_kafka_offset"] for event in events),
    }


def staged_schema() -> pa.Schema:
    return pa.schema([pa.field("event_id", pa.string()), *place_fields("_kafka_offset")])


def trips_schema() -> pa.Schema:
    return pa.schema(
        [
            pa.field("trip_id", pa.string()),
            pa.field("state", pa.string()),
            pa.field("fare_minor", pa.int64()),
            pa.field("run_id", pa.string()),
            *place_fields("_last_kafka_offset"),
        ]
    )


def payments_schema() -> pa.Schema:
    texts = ("payment_id", "trip_id", "currency", "run_id")
    minors = [name for name in PAYMENT_COLUMNS if name.endswith("_minor")]
    return pa.schema(
        [
            *(pa.field(name, pa.string()) for name in texts),
            *(pa.field(name, pa.int64()) for name in minors),
            *place_fields("_kafka_offset"),
        ]
    )


def place_fields(offset: str) -> list[Any]:
    return [pa.field("_kafka_partition", pa.int32()), pa.field(offset, pa.int64())]
