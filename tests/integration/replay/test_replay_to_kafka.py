"""A replay against a real broker: what is counted is what the topic holds."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from contracts import ledger
from contracts.domain import PARTITIONS, TAXI_TRIPS
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from sim.replay.errors import BrokerError
from sim.replay.kafka import KafkaTopic
from sim.replay.run import Plan, replay
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
    reader = Consumer({"bootstrap.servers": broker, "group.id": "reader"})
    try:
        last = {
            p: reader.get_watermark_offsets(TopicPartition(TAXI_TRIPS.name, p))[1] for p in first
        }
        reader.assign([TopicPartition(TAXI_TRIPS.name, p, at) for p, at in first.items()])
        missing = sum(last.values()) - sum(first.values())
        found: list[Found] = []
        while len(found) < missing:
            batch = reader.consume(5000, timeout=20)
            assert batch, f"{missing - len(found)} records did not come"
            for message in batch:
                assert message.error() is None
                headers = dict(message.headers() or [])
                found.append(
                    Found(message.partition() or 0, message.value() or b"", headers["run_id"])
                )
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
