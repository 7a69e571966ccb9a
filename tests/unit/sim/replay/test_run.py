import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from contracts import ledger
from contracts.domain import STREAM_END_MARGIN_MS
from contracts.rules import TRIP_TIMEOUT_MS
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from sim.replay.errors import BrokerError, ReplayError
from sim.replay.plan import Order, Plan
from sim.replay.run import Unwatched, replay, resumed
from tests.unit.sim.replay.kit import MemoryTopic, row

SAMPLE = (
    Path(__file__).resolve().parents[5]
    / "shared"
    / "data"
    / "nyc_yellow_tripdata_sample_2019-01.csv"
)
needs_sample = pytest.mark.skipif(
    not SAMPLE.exists(), reason="the shared folder with the sample month is not beside the project"
)
Write = Callable[..., Path]


def ledger_of(home: Path, run_id: str = "r1") -> sqlite3.Connection:
    return sqlite3.connect(home / ledger.relative_path(run_id))


def decoded(topic: MemoryTopic, kind: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(r.value) for r in topic.records if r.kind == kind]


def small_file(write_csv: Write) -> Path:
    return write_csv(
        [
            row(tpep_pickup_datetime="2019-01-15 03:40:00"),
            row(tpep_pickup_datetime="2019-01-15 03:36:12"),
            row(fare_amount="-3"),
            row(tpep_pickup_datetime="junk"),
        ]
    )


@pytest.mark.parametrize(
    ("order", "expected"), [("event-time", [4, 2, 3, 1]), ("file", [1, 2, 3, 4])]
)
def test_every_row_is_sent_once_in_the_chosen_order(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path, order: Order, expected: list[int]
) -> None:
    outcome = replay(Plan(small_file(write_csv), "nyc_yellow", "r1", order), topic, tmp_path)
    rows = [msgspec.json.decode(r.value) for r in topic.records if r.kind != "control"]
    assert [int(r["trip_id"].rsplit("-", 1)[1]) for r in rows] == expected
    assert (outcome.rows, outcome.accepted, outcome.is_complete) == (4, 2, True)
    assert outcome.rejected == {"out_of_range:fare_minor": 1, "event_time_invalid": 1}


def test_the_end_is_said_on_every_partition_past_the_newest_accepted_event(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path
) -> None:
    replay(Plan(small_file(write_csv), "nyc_yellow", "r1"), topic, tmp_path)
    ends = topic.records[-4:]
    assert [r.partition for r in ends] == [0, 1, 2, 3]
    newest_ms = epoch_ms("2019-01-15T08:40:00Z")
    for record in ends:
        value = msgspec.json.decode(record.value)
        assert value["event_type"] == "stream_end"
        assert epoch_ms(value["event_time"]) == newest_ms + STREAM_END_MARGIN_MS


def test_every_record_names_its_run_and_trace(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path
) -> None:
    replay(Plan(small_file(write_csv), "nyc_yellow", "r1"), topic, tmp_path)
    for record in topic.records:
        headers = dict(record.headers)
        event_id = msgspec.json.decode(record.value)["event_id"].replace("-", "")
        assert headers["run_id"] == b"r1"
        assert headers["traceparent"] == f"00-{event_id}-{event_id[:16]}-01".encode()


def test_the_ledger_adds_up(write_csv: Write, topic: MemoryTopic, tmp_path: Path) -> None:
    path = small_file(write_csv)
    replay(Plan(path, "nyc_yellow", "r1"), topic, tmp_path)
    with ledger_of(tmp_path) as db:
        run = db.execute(
            "select run_id, domain, producer, state, configuration from run"
        ).fetchall()
        produced = dict(db.execute("select kind, records from produced where topic='taxi.trips'"))
        rejected = db.execute("select row_number, reason from rejected_rows order by 1").fetchall()
        offsets = db.execute(
            "select partition_id, first_offset, end_offset from offsets"
        ).fetchall()
    assert run[0][:4] == ("r1", "taxi", "replay", "ended")
    configuration = json.loads(run[0][4])
    assert configuration["file"] == str(path)
    assert len(configuration["sha256"]) == 64
    assert (configuration["rows"], configuration["is_complete"]) == (4, True)
    assert produced == Counter(r.kind for r in topic.records)
    assert produced["clean"] == 2
    assert produced["malformed"] == 2
    assert rejected == [(3, "out_of_range:fare_minor"), (4, "event_time_invalid")]
    assert [o[0] for o in offsets] == [0, 1, 2, 3]
    assert all(o[1] == 0 and o[2] == len(topic.records) for o in offsets)


def test_a_limit_stops_after_the_first_rows_of_the_order(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path
) -> None:
    outcome = replay(Plan(small_file(write_csv), "nyc_yellow", "r1", limit=2), topic, tmp_path)
    assert (outcome.rows, outcome.accepted) == (2, 1)
    assert outcome.is_complete


WATCH = Unwatched()


@pytest.mark.parametrize("order", ["event-time", "file"])
@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("stop_after", [0, 1, 300])
def test_an_interrupted_replay_goes_on_without_a_loss_or_a_repeat(
    write_csv: Write, tmp_path: Path, order: Order, is_split: bool, stop_after: int
) -> None:
    path = write_csv(
        [
            row(
                tpep_pickup_datetime=f"2019-01-15 {n * 7 % 24:02}:{n % 60:02}:00",
                tpep_dropoff_datetime=f"2019-01-16 {n % 24:02}:00:00",
                fare_amount=str(n % 50 - 1),
            )
            for n in range(400)
        ]
    )
    whole, topic = MemoryTopic(), MemoryTopic()
    plan = Plan(path, "nyc_yellow", "r1", order, is_split=is_split)
    expected = replay(plan, whole, tmp_path / "whole")

    def interrupt(sent: int) -> None:
        if sent == stop_after:
            topic.on_send = None
            raise KeyboardInterrupt

    topic.on_send = interrupt
    first = replay(plan, topic, tmp_path)
    assert not first.is_complete
    assert "stream_end" not in {r["event_type"] for r in decoded(topic, "control")}
    with ledger_of(tmp_path) as db:
        state, configuration = db.execute("select state, configuration from run").fetchone()
    assert (state, json.loads(configuration)["is_complete"]) == ("running", False)

    topic.earlier = len(topic.records)
    again, source = resumed(tmp_path, "r1", WATCH, "unused")
    outcome = replay(again, topic, tmp_path, source=source)
    assert outcome.is_complete
    assert outcome.already_sent == sum(r.kind != "control" for r in topic.records[:stop_after])
    assert (outcome.rows, outcome.rejected) == (expected.rows, expected.rejected)

    def data(sent: MemoryTopic) -> list[bytes | None]:
        return [r.value for r in sent.records if r.kind != "control"]

    assert data(topic) == data(whole)
    assert [r["event_type"] for r in decoded(topic, "control")][-4:] == ["stream_end"] * 4
    with ledger_of(tmp_path) as db:
        produced = dict(db.execute("select kind, records from produced"))
        rejected = db.execute("select count(*) from rejected_rows").fetchone()[0]
        assert db.execute("select state from run").fetchone() == ("ended",)
    assert produced == Counter(r.kind for r in topic.records)
    assert rejected == expected.rejected.total()
    with pytest.raises(ReplayError, match="nothing left to resume"):
        resumed(tmp_path, "r1", WATCH, "unused")


def test_a_changed_file_is_not_resumed(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path
) -> None:
    def interrupt(sent: int) -> None:
        raise KeyboardInterrupt

    path = small_file(write_csv)
    topic.on_send = interrupt
    replay(Plan(path, "nyc_yellow", "r1", speed=60.0), topic, tmp_path)
    assert resumed(tmp_path, "r1", WATCH, "unused")[0].speed == 60.0
    assert resumed(tmp_path, "r1", WATCH, "unused", "max")[0].speed is None
    assert resumed(tmp_path, "r1", WATCH, "unused", 7.0)[0].speed == 7.0
    path.write_text(path.read_text() + "\n")
    with pytest.raises(ReplayError, match=r"has changed since run 'r1' began"):
        resumed(tmp_path, "r1", WATCH, "unused")
    with pytest.raises(ReplayError, match=r"there is no run 'r2' to resume"):
        resumed(tmp_path, "r2", WATCH, "unused")


def test_only_rows_of_the_interval_are_sent(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path
) -> None:
    plan = Plan(
        small_file(write_csv),
        "nyc_yellow",
        "r1",
        from_ms=epoch_ms("2019-01-15T08:36:12Z"),
        to_ms=epoch_ms("2019-01-15T08:40:00Z"),
    )
    outcome = replay(plan, topic, tmp_path)
    # The third row has the standard pickup and a negative fare; the fourth has no time.
    assert (outcome.rows, outcome.accepted, outcome.outside) == (2, 1, 2)
    assert outcome.rejected == {"out_of_range:fare_minor": 1}


def test_a_trip_is_split_into_parts_in_order_of_event_time(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path
) -> None:
    path = write_csv(
        [
            row(
                tpep_pickup_datetime="2019-01-15 03:00:00",
                tpep_dropoff_datetime="2019-01-15 05:00:00",
            ),
            row(
                tpep_pickup_datetime="2019-01-15 04:00:00",
                tpep_dropoff_datetime="2019-01-15 04:10:00",
                fare_amount="-1",
            ),
        ]
    )
    outcome = replay(Plan(path, "nyc_yellow", "r1", is_split=True), topic, tmp_path)
    sent = [
        (r["trip_id"][-1], r["event_type"], r["event_time"][11:16])
        for r in (msgspec.json.decode(r.value or b"") for r in topic.records if r.kind != "control")
    ]
    assert sent == [
        ("1", "trip_started", "08:00"),
        ("2", "trip_started", "09:00"),
        ("2", "payment_processed", "09:10"),
        ("2", "trip_ended", "09:10"),
        ("1", "trip_ended", "10:00"),
        ("1", "payment_processed", "10:00"),
    ]
    assert (outcome.rows, outcome.accepted) == (2, 5)
    assert outcome.rejected == {"out_of_range:fare_minor": 1}
    assert {r.key for r in topic.records if r.kind != "control"} == {
        msgspec.json.decode(r.value or b"")["trip_id"].encode() for r in topic.records[:2]
    }
    end = decoded(topic, "control")[-1]
    newest_ms = epoch_ms("2019-01-15T10:00:00Z")
    assert epoch_ms(end["event_time"]) == newest_ms + TRIP_TIMEOUT_MS + STREAM_END_MARGIN_MS


def test_a_broken_broker_is_told_and_written_down(
    write_csv: Write, topic: MemoryTopic, tmp_path: Path
) -> None:
    def refuse(sent: int) -> None:
        if sent == 1:
            raise BrokerError("the broker is gone")

    topic.on_send = refuse
    with pytest.raises(BrokerError, match="gone"):
        replay(Plan(small_file(write_csv), "nyc_yellow", "r1"), topic, tmp_path)
    with ledger_of(tmp_path) as db:
        state, configuration = db.execute("select state, configuration from run").fetchone()
    assert state == "ended"
    assert json.loads(configuration)["failure"] == "the broker is gone"


def test_a_run_id_is_used_once(write_csv: Write, topic: MemoryTopic, tmp_path: Path) -> None:
    plan = Plan(small_file(write_csv), "nyc_yellow", "r1")
    replay(plan, topic, tmp_path)
    with pytest.raises(ReplayError, match="exists already"):
        replay(plan, topic, tmp_path)


@needs_sample
def test_the_sample_month_is_rejected_exactly_and_never_late(tmp_path: Path) -> None:
    topic = MemoryTopic()
    outcome = replay(Plan(SAMPLE, "nyc_yellow", "r1"), topic, tmp_path)
    assert (outcome.rows, outcome.accepted) == (10_000, 9_985)
    assert outcome.rejected == {"out_of_range:duration_s": 8, "out_of_range:fare_minor": 7}
    newest_ms = 0
    for record in topic.records:
        reason = reject_reason("taxi.trips", record.value)
        assert (reason is not None) == (record.kind == "malformed")
        if reason is None:
            event_time_ms = epoch_ms(msgspec.json.decode(record.value)["event_time"])
            assert event_time_ms >= newest_ms
            newest_ms = event_time_ms
    flags = Counter(flag for trip in decoded(topic, "clean") for flag in trip["flags"])
    assert flags["over_4_hours"] == 20


@needs_sample
@pytest.mark.parametrize("order", ["event-time", "file"])
def test_parquet_replays_as_csv_does(tmp_path: Path, order: Order) -> None:
    parquet = tmp_path / "sample.parquet"
    pq.write_table(pacsv.read_csv(SAMPLE), parquet)
    topics = MemoryTopic(), MemoryTopic()
    for run_id, path, topic in zip(("a", "b"), (SAMPLE, parquet), topics, strict=True):
        replay(Plan(path, "nyc_yellow", run_id, order), topic, tmp_path)

    def meaning(topic: MemoryTopic) -> list[dict[str, Any]]:
        # Ids hold run and file; all else must be equal, record by record.
        ids = {"event_id", "trip_id", "correlation_id", "run_id"}
        return [
            {name: value for name, value in msgspec.json.decode(r.value).items() if name not in ids}
            for r in topic.records
        ]

    assert meaning(topics[0]) == meaning(topics[1])
