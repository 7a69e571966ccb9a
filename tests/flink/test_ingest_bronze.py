"""Every byte in bronze exactly once, the malformed also in the DLQ table and on the DLQ topic."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from contracts.domain import INPUT_TOPICS, PARTITIONS, TAXI_TRIPS, TRIPS, Topic, input_topic
from contracts.events import MAX_RECORD_BYTES
from contracts.validation import reject_reason
from flink_jobs.jobs import ingest_bronze
from flink_jobs.runtime.environment import table_environment
from flink_jobs.runtime.settings import parse

pytestmark = [pytest.mark.kafka, pytest.mark.catalog, pytest.mark.timeout(900)]

Sent = dict[tuple[str, int, int], tuple[bytes | None, bytes | None]]


def changed(sample: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(sample), **fields}).encode()


def without(sample: bytes, field: str) -> bytes:
    return json.dumps({k: v for k, v in json.loads(sample).items() if k != field}).encode()


def oddities(topic: Topic, sample: bytes) -> list[tuple[bytes | None, bytes | None]]:
    """Return (key, value) of every kind of record that has ever broken an ingestion."""
    key = b"key"
    control = changed(
        json.dumps({f: json.loads(sample)[f] for f in ("event_id", "run_id")}).encode(),
        event_type="stream_heartbeat",
        schema_version=1,
        event_time="2026-03-02T09:00:10.000Z",
    )
    values: list[bytes | None] = [
        sample,
        sample,  # a duplicate
        control,
        None,
        b"",
        b"\x00\x01\xff\xfe not text",
        '{"event_id": "é'.encode("latin-1"),
        b"not json",
        sample[: len(sample) // 2],
        b"[]",
        b'"text"',
        b"42",
        b"null",
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        changed(sample, schema_version=2),
        changed(sample, schema_version="1"),
        changed(sample, schema_version=None),
        changed(sample, event_type="something_else"),
        changed(sample, event_type=7),
        without(sample, "event_time"),
        changed(sample, event_time=None),
        changed(sample, event_time="yesterday"),
        changed(sample, event_time=1772442000000),
        changed(sample, event_time="2099-01-01T00:00:00.000Z"),
        changed(sample, event_time="0001-01-01T00:00:00.000Z"),
        changed(sample, event_time="2026-03-02T09:00:00.000+03:00"),
        changed(sample, event_time="2026-02-30T09:00:00.000Z"),
        without(sample, "event_id"),
        changed(sample, event_id=""),
        changed(sample, event_id="x" * 300),
        changed(sample, run_id=5),
        without(sample, topic.key_field),
        changed(sample, **{topic.key_field: [1]}),
        changed(sample, padding="x" * MAX_RECORD_BYTES),
        changed(sample, unknown_field={"is": "ignored"}),
        sample.replace(b"{", b'{"nan": NaN,', 1),
    ]
    pairs: list[tuple[bytes | None, bytes | None]] = [(key, value) for value in values]
    return [*pairs, (None, sample), (None, None), (b"", sample), (b"\xff\x00", b"x")]


def rows_by_place(rows: list[dict[str, Any]]) -> dict[tuple[str, int, int], dict[str, Any]]:
    places = [(r["_kafka_topic"], r["_kafka_partition"], r["_kafka_offset"]) for r in rows]
    assert [p for p, n in Counter(places).items() if n > 1] == []
    return dict(zip(places, rows, strict=True))


def unread(bootstrap: str, group: str) -> Counter[str]:
    """Return how many records of each Bronze table lie behind what a group has committed."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    waiting: Counter[str] = Counter()
    try:
        for topic in INPUT_TOPICS:
            places = [TopicPartition(topic.name, p) for p in range(PARTITIONS)]
            for place in consumer.committed(places, timeout=30):
                low, high = consumer.get_watermark_offsets(place, timeout=30)
                waiting[topic.bronze_table] += high - max(low, place.offset)
    finally:
        consumer.close()
    return waiting


def test_bad_input_of_every_kind_at_once_is_kept_and_reported(
    kafka: str,
    run_job: Any,
    produce: Any,
    read_topic: Any,
    read_tables: Any,
    samples: Mapping[str, bytes],
) -> None:
    headers = [("run_id", b"run"), ("binary", b"\xff\x00"), ("empty", b""), ("none", None)]
    sent: dict[str, Sent] = {topic.name: {} for topic in INPUT_TOPICS}
    for topic in INPUT_TOPICS:
        for key, value in oddities(topic, samples[topic.name]):
            sent[topic.name][produce(topic.name, value, key, headers)] = (key, value)
    huge = b'{"padding":"' + b"x" * (8 * 1024 * 1024 - 1000) + b'"}'
    sent[TRIPS.name][produce(TRIPS.name, huge, b"huge")] = (b"huge", huge)

    group = "test-bad-input"
    run_job(ingest_bronze, group=group)

    tables = read_tables([name for t in INPUT_TOPICS for name in (t.bronze_table, t.dlq_table)])
    for name, records in sent.items():
        topic = input_topic(name)
        bronze = rows_by_place(tables[topic.bronze_table])
        dlq = rows_by_place(tables[topic.dlq_table])
        reasons = {
            place: reason
            for place, (_, value) in records.items()
            if (reason := reject_reason(name, value)) is not None
        }
        # What was sent before by other tests lies in the same topic: look at our places only.
        assert records.keys() <= bronze.keys()
        for place, (key, value) in records.items():
            assert (bronze[place]["_kafka_key"], bronze[place]["_raw_value"]) == (key, value)
        assert {p: dlq[p]["error_message"] for p in records if p in dlq} == reasons
        for place, reason in reasons.items():
            assert dlq[place]["error_type"] == reason.split(":")[0]
            assert dlq[place]["_raw_value"] == records[place][1]
        assert_dlq_topic(read_topic(topic.dlq), records, reasons)

    kept = rows_by_place(tables[INPUT_TOPICS[0].bronze_table])
    place = next(iter(sent[INPUT_TOPICS[0].name]))
    assert dict(kept[place]["_kafka_headers"]["map"]) == {
        "run_id": b"run".hex(),
        "binary": "ff00",
        "empty": "",
        "none": None,
    }

    # A plain second submission goes on where the group has committed: at the end of every topic,
    # or before it where the first job did not wait for its last commit.
    bronze_tables = [t.bronze_table for t in INPUT_TOPICS]
    before = {table: len(tables[table]) for table in bronze_tables}
    late = produce(TAXI_TRIPS.name, b"once more", b"k")
    behind = unread(kafka, group)
    assert 1 <= behind.total() < sum(before.values())
    run_job(ingest_bronze, group=group)
    after = read_tables([*bronze_tables, TAXI_TRIPS.dlq_table])
    late_rows = rows_by_place(after.pop(TAXI_TRIPS.dlq_table))
    grown = {table: count + behind[table] for table, count in before.items()}
    assert {table: len(rows) for table, rows in after.items()} == grown
    assert late in late_rows


def assert_dlq_topic(
    messages: list[Any], records: Sent, reasons: Mapping[tuple[str, int, int], str]
) -> None:
    """Assert that each malformed record is on the DLQ topic as it was, with its five headers."""
    found = {}
    for message in messages:
        headers = dict(message.headers())
        place = (
            headers["topic"].decode(),
            int(headers["partition"]),
            int(headers["offset"]),
        )
        if place in records:
            found[place] = headers["reason"].decode()
            assert (message.key(), message.value()) == records[place]
            assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", headers["detected_at"])
    assert found == reasons


def test_the_plan_has_one_source_and_one_python_operator(
    flink_runtime: None, kafka: str, lake: str
) -> None:
    settings = parse(
        "ingest_bronze", ["--bootstrap-servers", kafka, "--catalog-uri", lake], environ={}
    )
    plan = ingest_bronze.build(table_environment(settings), settings).explain()
    optimized = plan.split("== Optimized Execution Plan ==")[1]
    assert optimized.count("TableSourceScan(") == 1
    assert optimized.count("PythonCalc(") == 1
