from typing import Any

import msgspec
import pytest

from contracts.live import ZoneMetrics
from contracts.timestamps import rfc3339
from deploy.audit.checks.surge import (
    Late,
    WindowRecords,
    Windows,
    check_redis,
    check_windows,
    late_records,
    touched_windows,
    watermark_ms,
)
from deploy.audit.ledger import Fault, Status, Transition, Truth
from deploy.audit.log import TopicLog
from deploy.audit.report import Check, Verdict
from deploy.audit.truth_windows import expected_windows
from tests.unit.audit.kit import RUN, START_MS, Sent, control, log_of, truth_of

PLACE = {"lat": -23.5, "lon": -46.6, "zone_id": 7, "h3": "88a8100c01fffff"}
END_MS = START_MS + 900_000


def trip_record(event_id: str, trip_id: str, state: str, at_ms: int) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": event_id,
            "event_type": "trip_state_changed",
            "schema_version": 1,
            "event_time": rfc3339(at_ms),
            "run_id": RUN,
            "trip_id": trip_id,
            "state": state,
            "previous_state": None,
            "rider_id": "r",
            "driver_id": None,
            "pickup": PLACE,
            "dropoff": PLACE,
            "offer_sequence": 0,
            "surge_multiplier": 1.0,
            "currency": "BRL",
        }
    )


def status_record(event_id: str, driver: str, status: str, zone: int, at_ms: int) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": event_id,
            "event_type": "driver_status_changed",
            "schema_version": 1,
            "event_time": rfc3339(at_ms),
            "run_id": RUN,
            "driver_id": driver,
            "previous_status": None,
            "status": status,
            "lat": -23.5,
            "lon": -46.6,
            "zone_id": zone,
        }
    )


TRANSITIONS = [
    Transition("a", "t1", "REQUESTED", START_MS + 1_000, 7, None),
    Transition("b", "t2", "REQUESTED", START_MS + 12_000, 7, None),
    Transition("c", "t1", "MATCHED", START_MS + 45_000, 7, None),
    Transition("d", "t2", "CANCELLED", START_MS + 95_000, 7, None),
]
STATUSES = [
    Status("e", "d1", "available", START_MS + 3_000, 7),
    Status("f", "d1", "available", START_MS + 60_000, 8),
    Status("g", "d1", "offline", START_MS + 120_000, 8),
]


def trips_log(order: str = "abcd") -> TopicLog:
    by_id = {t.event_id: t for t in TRANSITIONS}
    chosen = [by_id[event_id] for event_id in order]
    records = [
        Sent(0, n, trip_record(t.event_id, t.trip_id, t.state, t.event_time_ms))
        for n, t in enumerate(chosen)
    ]
    return log_of([*records, Sent(0, len(records), control(1, END_MS))], "rideshare.trips")


def status_log() -> TopicLog:
    records = [
        Sent(
            0, n, status_record(s.event_id, s.driver_id, s.status, s.zone_id or 0, s.event_time_ms)
        )
        for n, s in enumerate(STATUSES)
    ]
    return log_of([*records, Sent(0, 3, control(2, END_MS))], "rideshare.driver_status")


def truth(**changes: Any) -> Truth:
    return truth_of(
        transitions=TRANSITIONS, statuses=STATUSES, last_event_time_ms=END_MS, **changes
    )


def true_windows() -> dict[tuple[int, int], ZoneMetrics]:
    return expected_windows(TRANSITIONS, STATUSES, END_MS - 15_001, RUN)


def failing(checks: list[Check]) -> list[str]:
    return [check.subject for check in checks if check.verdict != Verdict.OK]


def test_true_windows_are_clean() -> None:
    checks = check_windows(truth(), trips_log(), status_log(), Windows(own=true_windows()))
    assert failing(checks) == []
    assert checks[0].expected == f"{len(true_windows())} windows"


def test_the_watermark_is_that_of_the_slowest_partition() -> None:
    assert watermark_ms([trips_log(), status_log()]) == END_MS - 15_001
    half = log_of([Sent(0, 0, control(1, END_MS)), Sent(1, 0, control(2, START_MS))])
    assert watermark_ms([half]) == START_MS - 15_001


@pytest.mark.parametrize(
    "changes",
    [
        {"open_requests": 5},
        {"idle_drivers": 0},
        {"multiplier": 1.1},
        {"smoothed_ratio": 0.123456789},
        {"late_records": 1},
    ],
)
def test_a_wrong_window_is_named(changes: dict[str, Any]) -> None:
    windows = true_windows()
    key = (7, START_MS + 20_000)
    windows[key] = msgspec.structs.replace(windows[key], **changes)
    checks = check_windows(truth(), trips_log(), status_log(), Windows(own=windows))
    assert failing(checks) == ["rideshare.zone_metrics = truth"]
    assert checks[0].offenders[0].startswith(f"zone 7 window end {START_MS + 20_000} is ")


def test_a_lost_and_an_invented_window_are_named() -> None:
    windows = true_windows()
    lost = windows.pop((7, START_MS + 20_000))
    windows[9, START_MS + 20_000] = msgspec.structs.replace(lost, zone_id=9)
    (check, *rest) = check_windows(truth(), trips_log(), status_log(), Windows(own=windows))
    assert check.verdict == Verdict.DIFFERENT
    assert check.offenders == (
        f"zone 7 window end {START_MS + 20_000} missing",
        f"zone 9 window end {START_MS + 20_000} not in the truth",
    )
    assert failing(rest) == []


def test_the_newest_windows_may_be_on_their_way() -> None:
    windows = true_windows()
    newest_ms = max(end for _, end in windows)
    early = {key: metrics for key, metrics in windows.items() if key[1] < newest_ms}
    (check, *_) = check_windows(truth(), trips_log(), status_log(), Windows(own=early))
    assert check.verdict == Verdict.BEHIND


def test_two_values_for_one_window_are_named() -> None:
    windows = Windows(own=true_windows(), conflicts=[(7, START_MS + 20_000)])
    checks = check_windows(truth(), trips_log(), status_log(), windows)
    assert failing(checks) == ["rideshare.zone_metrics: one value per window"]


def test_no_topic_or_no_window_is_not_built() -> None:
    for windows in (None, Windows(own={})):
        (check,) = check_windows(truth(), trips_log(), status_log(), windows)
        assert check.verdict == Verdict.NOT_BUILT


def test_a_record_is_late_beyond_the_allowed_time_only() -> None:
    assert list(late_records(trips_log())) == []
    # b at 12 s comes behind c at 45 s (33 s late), a at 1 s behind d at 95 s.
    late = list(late_records(trips_log("cbda")))
    assert late == [
        Late("b", START_MS + 12_000, START_MS + 30_000),
        Late("a", START_MS + 1_000, START_MS + 80_000),
    ]


def test_windows_that_a_late_record_can_explain_are_counted_apart() -> None:
    windows = true_windows()
    key = (7, START_MS + 20_000)
    windows[key] = msgspec.structs.replace(windows[key], open_requests=1)
    checks = check_windows(truth(), trips_log("acbd"), status_log(), Windows(own=windows))
    assert [c.verdict for c in checks] == [Verdict.OK, Verdict.NOTE, Verdict.OK]
    assert "touched by 1 late records; 1 differ from the truth" in checks[1].detail
    # The other zone is not touched: an error there is still found.
    other = (8, START_MS + 70_000)
    windows[other] = msgspec.structs.replace(windows[other], idle_drivers=3)
    checks = check_windows(truth(), trips_log("acbd"), status_log(), Windows(own=windows))
    assert failing(checks)[0] == "rideshare.zone_metrics = truth"


def test_a_late_status_touches_the_zone_it_left_and_the_one_it_entered() -> None:
    late = [Late("f", START_MS + 60_000, START_MS + 70_000)]
    touched = touched_windows(truth(), late)
    assert {zone for zone, _ in touched} == {7, 8}
    assert min(end for _, end in touched) == START_MS + 60_000
    assert max(end for _, end in touched) == START_MS + 70_000 + 310_000


def test_a_dropped_record_touches_its_zone_from_then_on() -> None:
    dropped = [Fault("b", "rideshare.trips", "dropped", None, "t2")]
    touched = touched_windows(truth(faults=dropped, is_lossy=True), [])
    assert {zone for zone, _ in touched} == {7}
    assert min(end for _, end in touched) == START_MS + 20_000
    assert max(end for _, end in touched) > END_MS


def test_records_are_told_apart_by_run_and_the_run_that_began_last_is_the_newest() -> None:
    first = next(iter(true_windows().values()))
    other = msgspec.structs.replace(first, run_id="later", window_end_ms=first.window_end_ms - 1)
    changed = msgspec.structs.replace(first, open_requests=77)
    records = WindowRecords(RUN)
    for metrics, timestamp_ms in ((first, 10), (other, 20), (first, 30)):
        records.add(metrics, timestamp_ms)
    key = (first.zone_id, first.window_end_ms)
    assert records.windows() == Windows(own={key: first}, newest={first.zone_id: other})
    records.add(changed, 40)
    assert records.windows().conflicts == [key]
    assert records.windows().own == {key: changed}


def test_redis_must_hold_the_newest_window_of_each_zone() -> None:
    windows = true_windows()
    ends = {zone: max(end for z, end in windows if z == zone) for zone, _ in windows}
    hashed = {zone: windows[zone, end] for zone, end in ends.items()}
    topic = Windows(own=windows, newest=hashed)

    def verdict(found: dict[int, ZoneMetrics] | None, is_ended: bool = True) -> Verdict:
        return check_redis(topic, found, is_ended=is_ended).verdict

    assert verdict(hashed) == Verdict.OK
    assert verdict({**hashed, 7: windows[7, START_MS + 20_000]}) == Verdict.BEHIND
    wrong = msgspec.structs.replace(hashed[7], open_requests=4)
    assert verdict({**hashed, 7: wrong}) == Verdict.DIFFERENT
    ahead = msgspec.structs.replace(hashed[7], window_end_ms=END_MS)
    assert verdict({**hashed, 7: ahead}) == Verdict.DIFFERENT
    assert verdict({**hashed, 7: ahead}, is_ended=False) == Verdict.OK
    assert verdict({}) == Verdict.NOT_BUILT
    assert verdict(None) == Verdict.NOT_BUILT
