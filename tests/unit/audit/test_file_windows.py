"""The audit's own reading of a file, in any format, against what replay made of it."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from contracts.events import TaxiTrip
from contracts.timestamps import epoch_ms
from deploy.audit.file_windows import opened
from deploy.audit.ledger import read_truth
from sim.replay.plan import Plan
from sim.replay.run import replay
from tests.unit.sim.replay.kit import MemoryTopic
from tests.unit.sim.replay.test_streampulse import AT, BROKEN, HEADER

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
CABS = {
    "name": "cabs",
    "columns": {
        "started_at": "begin",
        "ended_at": "end",
        "region": "zone",
        "distance": "leagues",
        "fare": "price",
    },
    "time_zone": "Europe/Paris",
    "currency": "EUR",
    "metres_per_unit": "4828.032",
}


def judged(plan: Plan, home: Path) -> tuple[list[TaxiTrip], Any]:
    """Return the accepted trips of a replay and what the audit reads, as rows of windows."""
    topic = MemoryTopic()
    replay(plan, topic, home)
    truth = read_truth(home, plan.run_id)
    sent = [
        msgspec.json.decode(r.value or b"", type=TaxiTrip)
        for r in topic.records
        if r.kind == "clean"
    ]
    with opened(truth.configuration, home / "scratch") as file:
        assert file.counts() == (len(sent), len(truth.rejected))
        assert file.rejected() == sorted(row for row, _ in truth.rejected)
        file.make_windows([])
        rows = file.connection.execute(
            "select region_id, window_start_ms, trip_count, total_distance_m, average_duration_s "
            "from expected order by all"
        ).fetchall()
    return sent, rows


def windows(trips: list[TaxiTrip]) -> Counter[tuple[int, int]]:
    return Counter((t.region_id, epoch_ms(t.event_time) // 60_000 * 60_000) for t in trips)


def test_broken_rows_of_streampulse_are_judged_alike(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_text(HEADER + "".join(text.format(at=AT) + "\n" for text, _ in BROKEN))
    sent, rows = judged(Plan(path, "streampulse", "r1"), tmp_path)
    assert [t.trip_id for t in sent] == ["t1", "ANY TEXT NAMES A TRIP", "t18"]
    assert {(region, count) for region, _, count, _, _ in rows} == {(1, 1), (6, 1), (14, 1)}
    assert sum(row[3] for row in rows) == pytest.approx(sum(t.distance_m for t in sent))


def test_a_mapping_and_an_interval_are_read_alike(tmp_path: Path) -> None:
    mapping = tmp_path / "cabs.yaml"
    mapping.write_text(yaml.safe_dump(CABS))
    path = tmp_path / "trips.csv"
    path.write_text(
        "begin,end,zone,leagues,price\n"
        "2019-07-01 11:59:59,2019-07-01 12:10:00,1,1,8\n"
        "2019-07-01 12:00:00,2019-07-01 12:10:00,2,1.5,8.405\n"
        "2019-07-01T10:00:30Z,2019-07-01T12:10:00+02:00,2,2,9\n"
        "2019-07-01 12:30:00,2019-07-01 12:10:00,3,1,8\n"
        "2019-07-01 14:00:00,2019-07-01 14:10:00,4,1,8\n"
        "junk,2019-07-01 14:10:00,4,1,8\n"
    )
    bounds = epoch_ms("2019-07-01T10:00:00Z"), epoch_ms("2019-07-01T12:00:00Z")
    plan = Plan(path, str(mapping), "r1", from_ms=bounds[0], to_ms=bounds[1])
    sent, rows = judged(plan, tmp_path)
    assert len(sent) == 2
    assert rows == [(2, bounds[0], 2, pytest.approx(3.5 * 4828.032), 585.0)]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder is not beside the project")
def test_the_shared_load_file_gives_the_same_windows(tmp_path: Path) -> None:
    path = SHARED / "streampulse_load_test_10k.csv"
    sent, rows = judged(Plan(path, "streampulse", "r1"), tmp_path)
    assert len(sent) == 10_000
    assert {(region, start): count for region, start, count, _, _ in rows} == windows(sent)
    assert sum(row[3] for row in rows) == pytest.approx(sum(t.distance_m for t in sent))
