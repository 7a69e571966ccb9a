"""The format `streampulse`: its units, and what becomes of rows that are broken each in its way."""

import csv
from pathlib import Path

import msgspec
import pytest

from contracts.domain import TAXI_TRIPS
from contracts.events import TaxiTrip
from contracts.validation import reject_reason
from sim.replay.plan import Plan
from sim.replay.run import replay
from tests.unit.sim.replay.kit import MemoryTopic

SHARED = Path(__file__).resolve().parents[5] / "shared" / "data"
HEADER = "trip_id,region_id,event_time,fare,duration,distance\n"
AT = "2025-01-15T10:00:00.000Z"
BROKEN = (
    ("t1,1,{at},25.5,1800,12.5", None),
    ("t2,NOWHERE,{at},30.0,2100,15.2", "wrong_type:region_id"),
    ("t3,2,NEVER,20.5,1500,8.3", "event_time_invalid"),
    ("t4,3,{at},FREE,1200,6.7", "wrong_type:fare_minor"),
    ("t5,4,{at},45.0,LONG,22.1", "wrong_type:duration_s"),
    ("t6,5,{at},18.5,900,FAR", "wrong_type:distance_m"),
    ("ANY TEXT NAMES A TRIP,6,{at},35.0,1800,14.2", None),
    ("t8,,{at},22.0,1600,9.8", "wrong_type:region_id"),
    ("t9,7,,28.5,1400,11.3", "event_time_missing"),
    ("t10,8,{at},,1700,13.5", "wrong_type:fare_minor"),
    ("t11,9,{at},33.0,,16.8", "wrong_type:duration_s"),
    ("t12,10,{at},40.0,2200,", "wrong_type:distance_m"),
    ("t13,-1,{at},15.0,800,5.2", "out_of_range:region_id"),
    ("t14,999,{at},50.0,2500,25.0", "out_of_range:region_id"),
    ("t15,11,{at},-10.0,1300,7.8", "out_of_range:fare_minor"),
    ("t16,12,{at},25.0,-500,10.5", "out_of_range:duration_s"),
    ("t17,13,{at},30.0,1900,-3.2", "out_of_range:distance_m"),
    ("t18,14,{at},42.0,1600,18.9", None),
)


def sent_by_row(path: Path, home: Path) -> list[tuple[bytes, str | None]]:
    topic = MemoryTopic()
    replay(Plan(path, "streampulse", "r1", "file"), topic, home)
    values = [r.value or b"" for r in topic.records if r.kind != "control"]
    return [(value, reject_reason(TAXI_TRIPS.name, value)) for value in values]


def test_fares_are_dollars_durations_seconds_and_distances_kilometres(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_text(HEADER + "t1,7,2025-08-17T06:50:10.561536Z,10.965,1372.25,7.3\n")
    ((value, reason),) = sent_by_row(path, tmp_path)
    trip = msgspec.json.decode(value, type=TaxiTrip)
    assert reason is None
    assert (trip.trip_id, trip.region_id, trip.currency) == ("t1", 7, "USD")
    assert (trip.fare_minor, trip.duration_s, trip.distance_m) == (1097, 1372.25, 7300.0)
    assert trip.event_time == "2025-08-17T06:50:10.561Z"


def test_every_broken_row_is_sent_and_has_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    rows = [text.format(at=AT) + "\n" for text, _ in BROKEN]
    path.write_text(HEADER + "".join(rows))
    assert [reason for _, reason in sent_by_row(path, tmp_path)] == [r for _, r in BROKEN]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder is not beside the project")
def test_the_shared_malformed_file(tmp_path: Path) -> None:
    path = SHARED / "streampulse_malformed_test_data.csv"
    reasons = [reason for _, reason in sent_by_row(path, tmp_path)]
    assert reasons == [reason for _, reason in BROKEN]
    assert [n for n, reason in enumerate(reasons, 1) if reason is None] == [1, 7, 18]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder is not beside the project")
def test_the_shared_load_file_is_accepted_whole(tmp_path: Path) -> None:
    path = SHARED / "streampulse_load_test_10k.csv"
    with path.open(newline="") as handle:
        cells = list(csv.DictReader(handle))
    sent = sent_by_row(path, tmp_path)
    assert {reason for _, reason in sent} == {None}
    trips = [msgspec.json.decode(value, type=TaxiTrip) for value, _ in sent]
    assert [trip.trip_id for trip in trips] == [row["trip_id"] for row in cells]
    assert [trip.fare_minor for trip in trips] == [round(float(r["fare"]) * 100) for r in cells]
