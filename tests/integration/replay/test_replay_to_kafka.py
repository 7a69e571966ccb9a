"""A replay against a real broker: what is counted is what the topic holds."""

import json
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from pyiceberg.catalog import load_catalog

from contracts import ledger
from contracts.domain import PARTITIONS, TAXI_TRIPS, TRIPS
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from sim.replay.errors import BrokerError
from sim.replay.kafka import KafkaTopic
from sim.replay.plan import Plan
from sim.replay.run import replay
from tests.integration.lake.bronze import BronzeWriter
from tests.integration.lake.records import Record, city
from tests.stack_control import TestStack

REPOSITORY = Path(__file__).resolve().parents[3]
SAMPLE = REPOSITORY.parent / "shared" / "data" / "nyc_yellow_tripdata_sample_2019-01.csv"
HEADER = (
    "pickup_datetime,dropoff_datetime,pickup_location_id,dropoff_location_id,trip_distance,"
    "fare_amount,total_amount,tip_amount,payment_type,passenger_count\n"
)
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def own_stack(_stacks: Callable[..., TestStack]) -> Iterator[TestStack]:
    """Return a stack of these tests alone: a replay moves event time for every job on a topic."""
    made = _stacks()
    made.up("kafka")
    yield made
    made.down()


@pytest.fixture
def broker(own_stack: TestStack) -> str:
    return own_stack.kafka


class Found(NamedTuple):
    partition: int
    value: bytes
    run_id: str | bytes | None


def records_since(broker: str, first: dict[int, int]) -> list[Found]:
    return [
        Found(m.partition() or 0, m.value() or b"", dict(m.headers() or [])["run_id"])
        for m in messages_since(broker, TAXI_TRIPS.name, first)
    ]


def messages_since(broker: str, topic: str, first: dict[int, int]) -> list[Message]:
    reader = Consumer({"bootstrap.servers": broker, "group.id": "reader"})
    try:
        last = {p: reader.get_watermark_offsets(TopicPartition(topic, p))[1] for p in first}
        reader.assign([TopicPartition(topic, p, at) for p, at in first.items()])
        missing = sum(last.values()) - sum(first.values())
        found: list[Message] = []
        while len(found) < missing:
            batch = reader.consume(5000, timeout=20)
            assert batch, f"{missing - len(found)} records did not come"
            assert all(message.error() is None for message in batch)
            found += batch
        return found
    finally:
        reader.close()


def offsets_of(home: Path, run_id: str) -> dict[int, tuple[int, int]]:
    with sqlite3.connect(home / ledger.relative_path(run_id)) as db:
        rows = db.execute("select partition_id, first_offset, end_offset from offsets").fetchall()
    return {partition: (first, end) for partition, first, end in rows}


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    path = tmp_path / "trips.csv"
    rows = [
        f"2019-01-01 {n // 60:02}:{n % 60:02}:00,2019-01-01 23:59:59,"
        f"{n % 9 + 1},2,1.5,{n % 40 - 1},9,1,1,1\n"
        for n in range(1200)
    ]
    path.write_text(HEADER + "".join(rows) + "junk,2019-01-01 23:59:59,1,2,1.5,5,9,1,1,1\n")
    return path


def test_the_topic_holds_every_row_and_the_ledger_its_offsets(
    broker: str, trips: Path, tmp_path: Path
) -> None:
    topic = KafkaTopic(broker, TAXI_TRIPS.name)
    before = topic.end_offsets()
    outcome = replay(Plan(trips, "nyc_yellow", "k1"), topic, tmp_path)
    found = records_since(broker, before)
    assert (outcome.rows, outcome.accepted) == (1201, 1170)
    assert len(found) == outcome.rows + outcome.controls
    assert {run_id for _, _, run_id in found} == {b"k1"}
    reasons = Counter(reject_reason(TAXI_TRIPS.name, value) for _, value, _ in found)
    assert reasons.pop(None) == outcome.accepted + outcome.controls
    assert reasons == outcome.rejected
    offsets = offsets_of(tmp_path, "k1")
    assert {p: first for p, (first, _) in offsets.items()} == before
    assert sum(end - first for first, end in offsets.values()) == len(found)


def test_no_partition_holds_the_watermark_back(broker: str, trips: Path, tmp_path: Path) -> None:
    topic = KafkaTopic(broker, TAXI_TRIPS.name)
    before = topic.end_offsets()
    replay(Plan(trips, "nyc_yellow", "k2"), topic, tmp_path)
    newest: dict[int, int] = {}
    for partition, value, _ in records_since(broker, before):
        if reject_reason(TAXI_TRIPS.name, value) is None:
            event_time_ms = epoch_ms(msgspec.json.decode(value)["event_time"])
            assert event_time_ms >= newest.get(partition, 0)
            newest[partition] = event_time_ms
    assert len(newest) == PARTITIONS
    assert len(set(newest.values())) == 1


def test_the_command_prints_what_was_rejected(own_stack: TestStack, trips: Path) -> None:
    done = own_stack.run("replay", str(trips), "--as", "nyc_yellow", "--run-id", "cli")
    assert "out_of_range:fare_minor" in done.stdout
    assert "farol audit --run cli" in done.stdout
    assert (own_stack.home / ledger.relative_path("cli")).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent.csv", "--as", "nyc_yellow"), "no such file"),
        (("absent.csv", "--as", "nyc_green"), "unknown format 'nyc_green'"),
        (("absent.csv", "--as", "absent.yaml"), "absent.yaml cannot be read"),
        (("absent.csv",), "FILE and --as belong together"),
        ((), "give one of: FILE --as FORMAT, --from-bronze TOPIC, --resume RUN"),
        (("--from-bronze", "taxi.cabs"), "is no input topic"),
        (("--resume", "never"), "there is no run 'never' to resume"),
        (("absent.csv", "--as", "nyc_yellow", "--from", "soon"), "--from 'soon': give a date"),
        (("absent.csv", "--as", "nyc_yellow", "--speed", "fast"), "give a positive number"),
        (("absent.csv", "--as", "nyc_yellow", "--speed", "0"), "give a positive number"),
        (("absent.csv", "--as", "nyc_yellow", "--order", "random"), "--order"),
    ],
)
def test_the_command_refuses_wrong_input(
    own_stack: TestStack, arguments: tuple[str, ...], message: str
) -> None:
    done = own_stack.run("replay", *arguments, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_topic_is_named(broker: str) -> None:
    with pytest.raises(BrokerError, match=r"has no topic taxi\.absent"):
        KafkaTopic(broker, "taxi.absent")


def test_an_absent_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.replay.kafka.CONNECT_TIMEOUT_S", 2.0)
    with pytest.raises(BrokerError, match=r"no Kafka broker answers at 127\.0\.0\.1:1 .*farol up"):
        KafkaTopic("127.0.0.1:1", TAXI_TRIPS.name)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared folder is not beside the project")
def test_the_sample_month_in_file_order(broker: str, tmp_path: Path) -> None:
    topic = KafkaTopic(broker, TAXI_TRIPS.name)
    before = topic.end_offsets()
    outcome = replay(Plan(SAMPLE, "nyc_yellow", "k3", "file"), topic, tmp_path)
    assert (outcome.accepted, sum(outcome.rejected.values())) == (9_985, 15)
    assert len(records_since(broker, before)) == 10_000 + outcome.controls


def values_since(broker: str, first: dict[int, int]) -> Counter[bytes]:
    """Return the records that are no control records."""
    return Counter(
        value
        for _, value, _ in records_since(broker, first)
        if b'"event_type":"stream_' not in value
    )


def test_a_killed_replay_goes_on_without_a_loss_or_a_repeat(
    own_stack: TestStack, broker: str, tmp_path: Path
) -> None:
    path = tmp_path / "long.csv"
    rows = [
        f"2019-02-{1 + n // 1440:02} {n // 60 % 24:02}:{n % 60:02}:00,2019-03-28 00:00:00,"
        f"{n % 9 + 1},2,1.5,{n % 40 - 1},9,1,1,1\n"
        for n in range(20_000)
    ]
    path.write_text(HEADER + "".join(rows))
    topic = KafkaTopic(broker, TAXI_TRIPS.name)
    before = topic.end_offsets()
    # Two hours of event time a second: it would take three minutes.
    command = ["replay", str(path), "--as", "nyc_yellow", "--run-id", "killed", "--speed", "7200"]
    process = subprocess.Popen(
        [str(REPOSITORY / "farol"), *command],
        env=own_stack.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline_s = time.monotonic() + 300
    while sum(topic.end_offsets().values()) - sum(before.values()) < 500:
        assert process.poll() is None
        assert time.monotonic() < deadline_s, "nothing was sent"
        time.sleep(0.2)
    process.kill()
    process.wait()
    assert 0 < values_since(broker, before).total() < 20_000
    done = own_stack.run("replay", "--resume", "killed", "--speed", "max")
    assert "sent before the interruption" in done.stdout
    found = values_since(broker, before)
    assert found.total() == len(found) == 20_000
    with closing(sqlite3.connect(own_stack.home / ledger.relative_path("killed"))) as db:
        produced = dict(db.execute("select kind, records from produced"))
        (rejected,) = db.execute("select count(*) from rejected_rows").fetchone()
    assert produced["clean"] + produced["malformed"] == 20_000
    assert produced["malformed"] == rejected == 500
    records = sum(end - first for first, end in offsets_of(own_stack.home, "killed").values())
    assert records == sum(produced.values())


def test_a_past_interval_comes_out_of_bronze_byte_for_byte_and_once(
    own_stack: TestStack, broker: str
) -> None:
    own_stack.up("catalog")
    own_stack.run("lake", "init")
    catalog = load_catalog("lake", type="rest", uri=own_stack.url("catalog"))
    sent = [
        record
        for record in city(7, trips=30).records
        if record.topic == TRIPS.name and b'"event_type":"stream_' not in (record.value or b"")
    ]
    junk = Record(TRIPS.name, 0, None, b"\xff no event")
    BronzeWriter(catalog).append([*sent, *sent[:40], junk])
    topic = KafkaTopic(broker, TRIPS.name)
    before = topic.end_offsets()
    times = sorted(msgspec.json.decode(r.value or b"")["event_time"] for r in sent)
    begin, end = times[len(times) // 4], times[len(times) // 2]
    own_stack.run(
        *("replay", "--from-bronze", TRIPS.name, "--from", begin, "--to", end),
        *("--run-id", "again"),
    )
    wanted = {
        (r.partition, r.key, r.value)
        for r in sent
        if begin <= msgspec.json.decode(r.value or b"")["event_time"] < end
    }
    found = [
        (m.partition(), m.key(), m.value())
        for m in messages_since(broker, TRIPS.name, before)
        if b'"event_type":"stream_' not in (m.value() or b"")
    ]
    assert wanted
    assert len(found) == len(wanted)
    assert set(found) == wanted
    report = json.loads(own_stack.run("audit", "--run", "again", "--json", check=False).stdout)
    verdicts = {check["subject"]: check["verdict"] for check in report["checks"]}
    # What was sent is what the ledger says; Bronze was made up here, and no job reads.
    assert {v for subject, v in verdicts.items() if subject.startswith(TRIPS.name)} == {"ok"}
    assert not any(subject.startswith("silver") for subject in verdicts)
    whole = own_stack.run("replay", "--from-bronze", TRIPS.name, "--order", "file")
    assert "not_utf8" in whole.stdout
