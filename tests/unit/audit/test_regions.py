"""Replays into memory, then audits the file with the second implementation."""

import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from contracts.events import TaxiTrip
from contracts.ledger import RecordKind
from contracts.live import RegionWindow
from contracts.timestamps import epoch_ms
from deploy.audit.checks.regions import (
    LateRows,
    check_late,
    check_redis,
    check_rows,
    check_windows,
    late_places,
    windows_table,
)
from deploy.audit.errors import AuditError
from deploy.audit.file_windows import FileTruth, opened
from deploy.audit.ledger import Truth, read_truth
from deploy.audit.log import Kind, LogBuilder, TopicLog
from deploy.audit.report import Check, Verdict
from sim.replay.plan import Order, Plan
from sim.replay.run import Headers, replay
from sim.replay.sent import Sent

SAMPLE = (
    Path(__file__).resolve().parents[4]
    / "shared"
    / "data"
    / "nyc_yellow_tripdata_sample_2019-01.csv"
)
HEADER = (
    "tpep_pickup_datetime,tpep_dropoff_datetime,PULocationID,DOLocationID,trip_distance,"
    "fare_amount,total_amount,tip_amount,payment_type,passenger_count"
)
ROWS = [
    "2019-03-10 01:59:50,2019-03-10 03:10:00,7,8,1.5,10.00,12.5,1,1,1",
    "2019-03-10 02:30:00,2019-03-10 03:40:00,7,8,2.25,20.01,22,1,1,1",
    "2019-03-10 03:30:10,2019-03-10 03:31:00,7,8,0,5,6,0,2,1",
    "2019-11-03 01:30:00,2019-11-03 01:45:00,9,8,3,7.5,9,0,2,2",
    "2019-11-03 01:30:59,2019-11-03 02:05:00,9,8,4,8.5,9,0,2,2",
    "2019-11-03 01:50:00,2019-11-03 01:10:00,9,8,4,8.5,9,0,2,2",
    "2019-11-03 00:10:00,2019-11-03 00:20:00,9,264,1,-4,9,0,2,",
    "junk,2019-11-03 00:20:00,9,264,1,4,9,0,2,1",
    "2088-01-01 00:00:00,2088-01-01 00:20:00,9,264,1,4,9,0,2,1",
    "2019-11-03 00:10:00,2019-11-03 00:20:00,nowhere,264,1,4,9,0,2,1",
    "2019-11-03 00:10:00,2019-11-03 00:20:00,9,264,1,0.005,9,x,2,1",
    "2019-11-03 00:10:00,2019-11-03 00:20:00,9,264,1,0.005,9,-1,2,1",
    "11/03/2019 12:10:30 PM,11/03/2019 12:20:00 PM,9,264,1,16.560000000000002,9,,,",
    "2019-03-10 03:30:20,2019-03-10 03:36:00,7,8,0.7,5,6,0,2,1",
    "2019-11-03 01:30:01,2019-11-03 01:45:00,9,8,3,7.5,9,0,2,2",
]


class OnePartition:
    """Keeps a replay as a log, everything on one partition."""

    partitions = (0,)

    def __init__(self, run_id: str) -> None:
        self._builder = LogBuilder("taxi.trips", run_id)
        self.trips: list[tuple[int, TaxiTrip]] = []
        self._counts: dict[str, int] = {}
        self._end = 0

    def end_offsets(self) -> dict[int, int]:
        return {0: self._end}

    def send(
        self,
        kind: RecordKind,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        run_id = dict(headers)["run_id"]
        assert isinstance(run_id, bytes)
        self._builder.add(0, self._end, key, value, run_id)
        if kind == "clean":
            self.trips.append((self._end, msgspec.json.decode(value or b"", type=TaxiTrip)))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._end += 1

    def sent(self, run_id: str, first_offsets: Mapping[int, int]) -> Sent:
        return Sent()

    def poll(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def confirmed(self) -> dict[str, int]:
        return self._counts

    def log(self) -> TopicLog:
        self._builder.ends_at(0, self._end)
        return self._builder.build()


class Replayed:
    """A replay, its log, and what a right windows job makes of it."""

    def __init__(self, path: Path, home: Path, order: Order, limit: int | None = None) -> None:
        topic = OnePartition("r1")
        replay(Plan(path, "nyc_yellow", "r1", order, limit=limit), topic, home)
        self.truth: Truth = read_truth(home, "r1")
        self.log = topic.log()
        places = set(late_places(self.log).tolist())
        self.late = LateRows(
            place=np.array(sorted(places), dtype=np.int64),
            row_number=np.array(
                [int(t.trip_id.rsplit("-", 1)[1]) for at, t in topic.trips if at in places],
                dtype=np.int64,
            ),
        )
        self.windows = windows_of([t for at, t in topic.trips if at not in places])
        self._scratch = home / "scratch"

    @contextmanager
    def file(self) -> Iterator[FileTruth]:
        with opened(self.truth.configuration, self._scratch) as file:
            yield file

    def checks(self, windows: dict[tuple[int, int], RegionWindow] | None = None) -> list[Check]:
        values = self.windows if windows is None else windows
        with self.file() as file:
            return [
                *check_rows(self.truth, file),
                check_late(self.truth, self.log, self.log, self.late),
                *check_windows(self.truth, file, self.log, table(values), self.late),
            ]


def table(windows: dict[tuple[int, int], RegionWindow]) -> pa.Table:
    return windows_table(list(enumerate(windows.values())))


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def windows_of(trips: list[TaxiTrip]) -> dict[tuple[int, int], RegionWindow]:
    groups: dict[tuple[int, int], list[TaxiTrip]] = {}
    for trip in trips:
        start_ms = epoch_ms(trip.event_time) // 60_000 * 60_000
        groups.setdefault((trip.region_id, start_ms), []).append(trip)
    return {
        (region, start_ms): RegionWindow(
            region_id=region,
            window_start_ms=start_ms,
            window_end_ms=start_ms + 60_000,
            trip_count=len(group),
            average_fare_minor=statistics.fmean(t.fare_minor for t in group),
            total_distance_m=sum(t.distance_m for t in group),
            average_duration_s=statistics.fmean(t.duration_s for t in group),
            p50_duration_s=percentile([t.duration_s for t in group], 0.5),
            p95_duration_s=percentile([t.duration_s for t in group], 0.95),
            p99_duration_s=percentile([t.duration_s for t in group], 0.99),
            currency="USD",
        )
        for (region, start_ms), group in groups.items()
    }


def failing(checks: list[Check]) -> list[str]:
    return [f"{c.subject}: {c.offenders}" for c in checks if c.verdict != Verdict.OK]


@pytest.fixture
def odd_file(tmp_path: Path) -> Path:
    path = tmp_path / "odd.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


@pytest.mark.parametrize("order", ["event-time", "file"])
def test_two_readings_of_an_odd_file_agree(odd_file: Path, tmp_path: Path, order: Order) -> None:
    run = Replayed(odd_file, tmp_path, order)
    assert failing(run.checks()) == []
    with run.file() as file:
        assert file.counts() == (9, 6)
        assert file.rejected() == [6, 7, 8, 9, 10, 11]
    assert (len(run.late.place) > 0) == (order == "file")


@pytest.mark.parametrize("limit", [1, 5, 9])
def test_a_replay_that_stopped_early_is_judged_by_what_it_sent(
    odd_file: Path, tmp_path: Path, limit: int
) -> None:
    for order in ("event-time", "file"):
        home = tmp_path / order
        run = Replayed(odd_file, home, "file" if order == "file" else "event-time", limit)
        assert failing(run.checks()) == []
        with run.file() as file:
            assert sum(file.counts()) == limit


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared folder is not beside the project")
@pytest.mark.parametrize("order", ["event-time", "file"])
def test_the_sample_month_agrees(tmp_path: Path, order: Order) -> None:
    run = Replayed(SAMPLE, tmp_path, order)
    assert failing(run.checks()) == []
    with run.file() as file:
        assert file.counts() == (9_985, 15)
    if order == "event-time":
        assert len(run.late.place) == 0
        assert len(run.windows) > 9_000
    else:
        assert len(run.late.place) > 9_000


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared folder is not beside the project")
def test_parquet_agrees(tmp_path: Path) -> None:
    path = tmp_path / "sample.parquet"
    pq.write_table(pacsv.read_csv(SAMPLE), path)
    assert failing(Replayed(path, tmp_path, "event-time").checks()) == []


def test_a_lost_an_invented_and_a_wrong_window_are_named(odd_file: Path, tmp_path: Path) -> None:
    run = Replayed(odd_file, tmp_path, "event-time")
    first, second, *_ = sorted(run.windows, key=lambda key: key[1])
    for change, expected in (
        ("lost", f"region {first[0]} window {first[1]} missing"),
        ("invented", "region 99 window 60000 extra"),
        ("wrong", f"region {second[0]} window {second[1]} different"),
    ):
        windows = dict(run.windows)
        if change == "lost":
            del windows[first]
        elif change == "invented":
            windows[99, 60_000] = msgspec.structs.replace(
                windows[first], region_id=99, window_start_ms=60_000, window_end_ms=120_000
            )
        else:
            windows[second] = msgspec.structs.replace(
                windows[second], p95_duration_s=windows[second].p95_duration_s * 1.0001
            )
        (check,) = [c for c in run.checks(windows) if c.verdict != Verdict.OK]
        assert check.subject == "taxi.region_windows = DuckDB"
        assert check.offenders[0].startswith(expected)


def test_the_newest_window_may_be_on_its_way(odd_file: Path, tmp_path: Path) -> None:
    run = Replayed(odd_file, tmp_path, "event-time")
    newest = max(run.windows, key=lambda key: key[1])
    windows = {key: value for key, value in run.windows.items() if key != newest}
    assert [c.verdict for c in run.checks(windows) if c.verdict != Verdict.OK] == [Verdict.BEHIND]
    with run.file() as file:
        (empty,) = check_windows(run.truth, file, run.log, table({}), run.late)
        assert empty.verdict == Verdict.NOT_BUILT
        (absent,) = check_windows(run.truth, file, run.log, None, run.late)
        assert absent.verdict == Verdict.NOT_BUILT


def test_two_values_for_one_window_are_named(odd_file: Path, tmp_path: Path) -> None:
    run = Replayed(odd_file, tmp_path, "event-time")
    values = list(run.windows.values())
    old = msgspec.structs.replace(values[0], trip_count=77)
    doubled = windows_table(list(enumerate([old, *values])))
    with run.file() as file:
        checks = check_windows(run.truth, file, run.log, doubled, run.late)
    assert [c.subject for c in checks if c.verdict != Verdict.OK] == [
        "taxi.region_windows: one value per window"
    ]


def test_rows_that_were_wrongly_accepted_or_rejected_are_named(
    odd_file: Path, tmp_path: Path
) -> None:
    run = Replayed(odd_file, tmp_path, "event-time")
    rejected = [(row, reason) for row, reason in run.truth.rejected if row != 7]
    wrong = msgspec.structs.replace(run.truth, rejected=[*rejected, (1, "not_json")])
    with run.file() as file:
        checks = check_rows(wrong, file)
    (check,) = [c for c in checks if c.verdict != Verdict.OK]
    assert check.offenders == ("row 7 should be rejected", "row 1 should be accepted")


def test_a_failed_replay_is_told(odd_file: Path, tmp_path: Path) -> None:
    run = Replayed(odd_file, tmp_path, "event-time")
    failed = {**run.truth.configuration, "failure": "the broker is gone"}
    truth = msgspec.structs.replace(run.truth, configuration=failed)
    with run.file() as file:
        (check,) = check_rows(truth, file)
    assert (check.verdict, check.detail) == (Verdict.DIFFERENT, "the broker is gone")


def test_late_records_that_are_missing_or_were_in_time_are_named(
    odd_file: Path, tmp_path: Path
) -> None:
    run = Replayed(odd_file, tmp_path, "file")
    places = run.late.place
    in_time = int(run.log.place[(run.log.kind == Kind.EVENT)][0])
    cases: list[tuple[list[int], Verdict]] = [
        ([in_time, *places.tolist()], Verdict.DIFFERENT),
        (places.tolist()[1:], Verdict.DIFFERENT),
        (places.tolist()[:-1], Verdict.BEHIND),
        (places.tolist(), Verdict.OK),
    ]
    for found, verdict in cases:
        late = LateRows(
            place=np.array(found, dtype=np.int64), row_number=np.zeros(len(found), dtype=np.int64)
        )
        assert check_late(run.truth, run.log, run.log, late).verdict == verdict
    assert check_late(run.truth, run.log, run.log, None).verdict == Verdict.NOT_BUILT


def test_what_redis_still_has_must_be_the_topics_value(odd_file: Path, tmp_path: Path) -> None:
    windows = Replayed(odd_file, tmp_path, "event-time").windows
    key = next(iter(windows))
    some = dict(list(windows.items())[:-1])
    wrong = {**windows, key: msgspec.structs.replace(windows[key], trip_count=9)}

    def verdict(hashed: Any, is_recent: bool) -> Verdict:
        return check_redis(windows, hashed, is_recent=is_recent).verdict

    assert verdict(windows, True) == Verdict.OK
    assert verdict(some, False) == Verdict.OK
    assert verdict(some, True) == Verdict.BEHIND
    assert verdict(wrong, True) == Verdict.DIFFERENT
    assert verdict({}, True) == Verdict.NOT_BUILT
    assert verdict({}, False) == Verdict.OK
    assert verdict(None, True) == Verdict.NOT_BUILT


def test_a_file_that_is_gone_is_told(odd_file: Path, tmp_path: Path) -> None:
    run = Replayed(odd_file, tmp_path, "event-time")
    odd_file.unlink()
    with pytest.raises(AuditError, match="not there any more"), run.file():
        pass
