"""The simulator on a real broker: nothing is lost, keys land as Java's do, a stall is seen."""

import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition
from kafka.partitioner.default import murmur2

from contracts.domain import HEADER_RUN_ID, HEADER_TRACEPARENT, PARTITIONS, RIDESHARE
from contracts.ledger import relative_path
from contracts.validation import reject_reason
from sim.control import scenarios
from sim.publishing.kafka import KafkaPort
from sim.publishing.memory import MemoryPort
from sim.publishing.port import Aborted
from sim.publishing.record import Record
from sim.publishing.run import Run, new_run_id

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
PATIENCE_S = 240
TOPICS = tuple(topic.name for topic in RIDESHARE.inputs)


def _read(bootstrap, offsets):
    """Return every message between the offsets that the ledger names, per topic and partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test-reader",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 16 * 1024 * 1024,
        }
    )
    messages = []
    with closing(consumer):
        for topic, partition, first, end in offsets:
            consumer.assign([TopicPartition(topic, partition, first)])
            got = 0
            until_s = time.monotonic() + PATIENCE_S
            while got < end - first:
                assert time.monotonic() < until_s, f"{topic}/{partition}: {got} of {end - first}"
                message = consumer.poll(1.0)
                if message is None:
                    continue
                assert message.error() is None
                messages.append(message)
                got += 1
    return messages


def _offsets(home, run_id):
    with closing(sqlite3.connect(home / relative_path(run_id))) as db:
        return db.execute(
            "select topic, partition_id, first_offset, end_offset from offsets"
        ).fetchall()


@pytest.fixture(scope="module")
def published(stack, tmp_path_factory):
    """A run into Kafka, and the same run into memory."""
    stack.up("kafka")
    home = tmp_path_factory.mktemp("home")
    changes = {
        "demand": {"peak_requests_per_hour": 200},
        "faults": {"malformed_share": 0.05, "duplicate_share": 0.05, "late_share": 0.01},
    }
    scenario = scenarios.named("small", changes)
    run_id = new_run_id()
    memory = MemoryPort()
    for port, folder in ((KafkaPort(stack.kafka), home), (memory, home / "memory")):
        run = Run(scenario, run_id, port, folder)
        run.advance(scenario.start_ms + 15 * 60_000)
        run.end()
    offsets = _offsets(home, run_id)
    return memory.records, _read(stack.kafka, offsets), offsets, run_id


def test_every_record_arrives_once_with_its_bytes(published):
    records, messages, offsets, _ = published
    sent = Counter((r.topic, r.key, r.value) for r in records)
    got = Counter((m.topic(), m.key(), m.value()) for m in messages)
    assert got == sent
    assert sum(end - first for _, _, first, end in offsets) == len(records)
    assert len(offsets) == len(TOPICS) * PARTITIONS


def test_headers_name_the_run_and_the_trace_even_on_malformed_records(published):
    records, messages, _, run_id = published
    traces = Counter(r.traceparent for r in records)
    got = Counter()
    malformed = 0
    for message in messages:
        headers = dict(message.headers())
        assert headers[HEADER_RUN_ID] == run_id.encode()
        got[headers[HEADER_TRACEPARENT]] += 1
        malformed += reject_reason(message.topic(), message.value()) is not None
    assert got == traces
    assert malformed > 100


def test_keys_land_where_javas_partitioner_puts_them(published):
    _, messages, _, _ = published
    for message in messages:
        if message.key() is not None:
            expected = (murmur2(message.key()) & 0x7FFFFFFF) % PARTITIONS
            assert message.partition() == expected


def test_control_records_reach_every_partition_in_order(published):
    _, messages, _, _ = published
    last = {}
    for message in messages:
        if message.key() is None:
            control = json.loads(message.value())
            last.setdefault((message.topic(), message.partition()), []).append(control)
    assert len(last) == len(TOPICS) * PARTITIONS
    for controls in last.values():
        times = [control["event_time"] for control in controls]
        assert times == sorted(times)
        assert [c["event_type"] for c in controls[:-1]] == ["stream_heartbeat"] * (
            len(controls) - 1
        )
        assert controls[-1]["event_type"] == "stream_end"


def test_a_stopped_broker_stalls_the_sender_and_loses_nothing(stack):
    stack.up("kafka")
    pid = stack.status()["kafka"]["pid"]
    port = KafkaPort(stack.kafka, queue_records=500)
    port.open(new_run_id(), TOPICS)
    before = port.offsets()
    count = 3000
    done = threading.Event()

    def send_all():
        for number in range(count):
            value = b'{"number": %d}' % number
            port.send([Record(TOPICS[0], b"one", value, "clean", "e", 0, b"t")])
        port.flush()
        done.set()

    os.kill(pid, signal.SIGSTOP)
    try:
        thread = threading.Thread(target=send_all, daemon=True)
        thread.start()
        until_s = time.monotonic() + PATIENCE_S
        while port.problem() is None:
            assert time.monotonic() < until_s, "the stall was never reported"
            time.sleep(0.05)
        assert not done.is_set()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.wait(PATIENCE_S)
    assert port.problem() is None
    after = port.offsets()
    port.close()
    (grown,) = [place for place in after if after[place] != before[place]]
    assert after[grown] - before[grown] == count
    messages = _read(stack.kafka, [(*grown, before[grown], after[grown])])
    assert [json.loads(m.value())["number"] for m in messages] == list(range(count))


def test_an_absent_broker_is_waited_for_and_named(stack):
    nobody = f"127.0.0.1:{stack.port('grafana')}"
    port = KafkaPort(nobody)
    failures = []

    def open_it():
        try:
            port.open(new_run_id(), TOPICS)
        except Aborted as aborted:
            failures.append(aborted)

    thread = threading.Thread(target=open_it)
    thread.start()
    until_s = time.monotonic() + PATIENCE_S
    while port.problem() is None or nobody not in port.problem():
        assert time.monotonic() < until_s, port.problem()
        time.sleep(0.05)
    port.abort()
    thread.join(PATIENCE_S)
    assert len(failures) == 1
    assert nobody in str(failures[0])


def test_missing_topics_are_named(stack):
    stack.up("kafka")
    port = KafkaPort(stack.kafka)
    thread = threading.Thread(target=_expect_abort, args=(port,))
    thread.start()
    until_s = time.monotonic() + PATIENCE_S
    while "no.such.topic" not in (port.problem() or ""):
        assert time.monotonic() < until_s, port.problem()
        time.sleep(0.05)
    port.abort()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def _expect_abort(port):
    with pytest.raises(Aborted):
        port.open(new_run_id(), ("no.such.topic",))
