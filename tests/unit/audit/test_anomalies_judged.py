"""The audit's own judgement against that of the job, over a log with every fault there is."""

import random

import msgspec
import numpy as np
import pytest

from contracts.anomalies import AnomalyKind, outlier_reason
from contracts.domain import DRIVER_STATUS, GPS_PINGS
from contracts.events import DriverStatus, EntityType
from contracts.live import Anomaly
from deploy.audit.anomalies.judged import Judged, judge
from deploy.audit.anomalies.tracks import is_inner_tile
from tests.gps_city import (
    LENGTH_MS,
    START_MS,
    GpsCity,
    faulty_city,
    late_pings,
)
from tests.unit.audit.city import LAT, LON, log
from tests.unit.audit.job_logic import job_anomalies
from tests.unit.audit.kit import RUN, Sent, control, log_of


def judged(city: GpsCity) -> Judged:
    lanes = city.lanes()
    return judge(RUN, log(lanes, GPS_PINGS.name), log(lanes, DRIVER_STATUS.name))


def said(alerts: list[Anomaly]) -> list[tuple[str, str, int]]:
    return [(a.kind.value, a.phase.value, a.event_time_ms - START_MS) for a in alerts]


@pytest.mark.parametrize("seed", range(6))
def test_it_says_what_the_job_says_with_the_same_evidence(seed: int) -> None:
    city = faulty_city(random.Random(seed), RUN)
    city.status("driver-3-r1", START_MS + 900_000, DriverStatus.OFFLINE)
    city.status("mute", START_MS + 30_000, DriverStatus.AVAILABLE)
    city.status("mute", START_MS + 90_000, DriverStatus.EN_ROUTE, delay_ms=9_000)
    city.status("mute", START_MS + 100_000, DriverStatus.OFFLINE, delay_ms=300_000)
    lanes = city.lanes()
    found = judge(RUN, log(lanes, GPS_PINGS.name), log(lanes, DRIVER_STATUS.name))
    told = job_anomalies(RUN, lanes)
    assert {alert.kind for alert in told} == set(AnomalyKind)
    assert len({(alert.anomaly_id, alert.phase) for alert in told}) == len(told)
    bare = [msgspec.structs.replace(alert, anomaly_id="") for alert in told]
    assert sorted(bare, key=repr) == sorted(found.alerts, key=repr)
    assert START_MS + LENGTH_MS - 10_000 <= found.clock_ms < START_MS + LENGTH_MS
    assert len(found.pings.late_rows) == len(late_pings(lanes))


def test_a_jump_shows_its_evidence() -> None:
    city = GpsCity(RUN, random.Random(1))
    city.ping("d", START_MS, LAT, LON)
    moved = city.ping("d", START_MS + 4_000, LAT, LON + 0.1)
    city.ping("d", START_MS + 8_000, LAT, LON + 0.0001)
    city.end(START_MS + 20_000)
    (alert,) = judged(city).alerts
    assert alert.kind is AnomalyKind.IMPOSSIBLE_SPEED
    assert (alert.event_id, alert.entity_type, alert.reason) == (
        moved.event_id,
        EntityType.DRIVER,
        "too_fast",
    )
    assert (alert.previous_event_time_ms, alert.previous_lon) == (START_MS, LON)
    assert alert.distance_m == pytest.approx(10_192, abs=5)
    assert alert.speed_kmh == pytest.approx(9_173, abs=5)


def test_what_was_rejected_is_not_compared_with() -> None:
    city = GpsCity(RUN, random.Random(1))
    for step in range(5):
        city.ping("d", START_MS + step * 4_000, LAT, LON + (0.1 if step in (1, 2) else 0.0))
    city.end(START_MS + 30_000)
    found = judged(city)
    assert said(found.alerts) == [
        ("impossible_speed", "raised", 4_000),
        ("impossible_speed", "raised", 8_000),
    ]
    assert found.is_rejected.tolist() == [False, True, True, False, False]


def test_late_depends_on_what_the_job_has_seen_before() -> None:
    city = GpsCity(RUN, random.Random(1))
    city.ping("d", START_MS, LAT, LON, accuracy_m=500.0)
    city.end(START_MS + 20_000)
    lanes = city.lanes()
    pings, statuses = log(lanes, GPS_PINGS.name), log(lanes, DRIVER_STATUS.name)
    assert said(judge(RUN, pings, statuses).alerts) == [("outlier", "raised", 0)]
    newest = dict.fromkeys(range(4), START_MS + 15_001)
    assert judge(RUN, pings, statuses, (newest, {})).alerts == []
    newest = dict.fromkeys(range(4), START_MS + 15_000)
    assert len(judge(RUN, pings, statuses, (newest, {})).alerts) == 1


def test_the_newest_of_each_partition_leaves_out_what_is_malformed() -> None:
    records = [Sent(0, n, control(n, START_MS + n)) for n in (3, 1)]
    records += [Sent(1, 0, b"{"), Sent(0, 9, b"{")]
    assert log_of(records, GPS_PINGS.name).newest_ms() == {0: START_MS + 3}


def test_other_runs_and_records_outside_the_run_say_nothing() -> None:
    city = GpsCity("another", random.Random(1))
    city.ping("d", START_MS, LAT, LON, accuracy_m=500.0)
    city.end(START_MS + 20_000)
    assert judged(city).alerts == []
    own = GpsCity(RUN, random.Random(1))
    own.ping("d", START_MS, LAT, LON, accuracy_m=500.0)
    own.end(START_MS + 20_000)
    lanes = own.lanes()
    whole = log(lanes, GPS_PINGS.name)
    none = whole.within(dict.fromkeys(range(4), (100, None)))
    assert judge(RUN, none, log(lanes, DRIVER_STATUS.name)).alerts == []


def test_no_square_that_counts_as_inner_has_an_outlier() -> None:
    rng = np.random.default_rng(5)
    rows, columns = rng.integers(-2410, -2320, 4_000), rng.integers(-4690, -4630, 4_000)
    inner = [
        (row, column)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if is_inner_tile(row, column)
    ]
    assert 500 < len(inner) < 3_500
    for row, column in inner:
        for within in ((0.0, 0.0), (0.0, 0.9999), (0.9999, 0.0), (0.9999, 0.9999)):
            lat, lon = (row + within[0]) / 100, (column + within[1]) / 100
            assert outlier_reason(lat, lon, 5.0) is None
