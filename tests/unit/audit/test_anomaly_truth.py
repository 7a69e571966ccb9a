from typing import Any

import msgspec

from contracts.anomalies import AnomalyKind
from contracts.domain import GPS_PINGS
from contracts.events import DriverStatus
from contracts.live import Anomaly
from deploy.audit.anomalies.judged import Judged
from deploy.audit.checks.anomalies import FOREVER_MS
from deploy.audit.checks.anomaly_truth import causes, check_truth
from deploy.audit.ledger import Fault, Truth
from deploy.audit.log import TopicLog
from deploy.audit.report import Check, Verdict
from tests.gps_city import START_MS, GpsCity
from tests.unit.audit.city import END_MS, LAT, LON, judged_of, small_city, told, topic_of
from tests.unit.audit.kit import truth_of

TELEPORTS = "teleport: told"
SILENCES = "silent_driver: told"


def teleport(event_id: str, entity: str, minute: float) -> Fault:
    at_ms = START_MS + round(minute * 60_000)
    return Fault(event_id, GPS_PINGS.name, "teleport", "distance_m=1", entity, at_ms)


def freeze(entity: str, *minutes: float) -> list[Fault]:
    return [
        Fault(f"{entity}-{minute}", GPS_PINGS.name, "frozen_gps", "freeze=1", entity, at_ms)
        for minute in minutes
        for at_ms in (START_MS + round(minute * 60_000),)
    ]


def silence(entity: str, first_minute: float, last_minute: float, number: int = 1) -> list[Fault]:
    return [
        Fault(
            f"{entity}-{minute}",
            GPS_PINGS.name,
            "silent_driver",
            f"silence={number}",
            entity,
            START_MS + round(minute * 60_000),
        )
        for minute in (first_minute, (first_minute + last_minute) / 2, last_minute)
    ]


def planned(city: GpsCity) -> tuple[TopicLog, Judged, list[Fault]]:
    pings, judged = judged_of(city)
    jump = next(a for a in judged.alerts if a.kind is AnomalyKind.IMPOSSIBLE_SPEED)
    faults = [teleport(str(jump.event_id), "jumper", 10.0), *silence("silent", 5.1, 16.9)]
    return pings, judged, faults


def truth(faults: list[Fault], **changes: Any) -> Truth:
    return truth_of(faults=faults, last_event_time_ms=END_MS, **changes)


def checked(
    faults: list[Fault], pings: TopicLog, judged: Judged, alerts: list[Anomaly]
) -> dict[str, Check]:
    checks = check_truth(truth(faults), pings, judged, topic_of(alerts), FOREVER_MS)
    return {check.subject: check for check in checks}


def test_planned_faults_that_were_told_give_full_recall_and_precision() -> None:
    pings, judged, faults = planned(small_city())
    found = checked(faults, pings, judged, told(judged))
    assert (found[TELEPORTS].verdict, found[TELEPORTS].detail) == (Verdict.OK, "recall 1.000")
    assert (found[SILENCES].expected, found[SILENCES].actual) == ("1 faults", "1 faults")
    assert found["impossible_speed: precision"].actual == "1.000"
    assert found["zombie_driver: precision"].detail == "1 of 1 planned"


def test_many_withheld_pings_are_one_silence() -> None:
    faults = [*silence("a", 1, 12), *silence("a", 30, 35, number=2), *silence("b", 2, 20)]
    found = causes(truth(faults))
    assert [(c.entity_id, c.event_id) for c in found] == [
        ("a", "silence=1"),
        ("b", "silence=1"),
        ("a", "silence=2"),
    ]
    assert found[0].last_ms - found[0].first_ms == 11 * 60_000


def test_faults_of_other_topics_and_kinds_expect_nothing() -> None:
    faults = [
        Fault("e", "rideshare.trips", "teleport", None, "t", START_MS),
        Fault("e", GPS_PINGS.name, "late", None, "d", START_MS),
        Fault("e", GPS_PINGS.name, "a_fault_of_tomorrow", None, "d", START_MS),
    ]
    assert causes(truth(faults)) == []
    pings, judged, _ = planned(small_city())
    assert not [s for s in checked(faults, pings, judged, told(judged)) if s.endswith("told")]


def test_a_fault_that_was_not_told_is_named() -> None:
    pings, judged, faults = planned(small_city())
    alerts = [a for a in told(judged) if a.kind is not AnomalyKind.IMPOSSIBLE_SPEED]
    found = checked(faults, pings, judged, alerts)
    assert found[TELEPORTS].verdict == Verdict.DIFFERENT
    assert found[TELEPORTS].offenders == (f"teleport jumper at {START_MS + 600_000} not told",)
    assert found[TELEPORTS].detail == "recall 0.000"


def test_a_fault_whose_alert_is_on_its_way_is_behind() -> None:
    pings, judged, faults = planned(small_city())
    first = min(told(judged), key=lambda a: a.event_time_ms)
    found = checked(faults, pings, judged, [first])
    assert found[SILENCES].verdict == Verdict.BEHIND


def test_an_alert_without_a_cause_is_a_note_and_lowers_precision() -> None:
    pings, judged, faults = planned(small_city())
    found = checked(faults, pings, judged, told(judged))
    outliers = found["outlier: precision"]
    assert (outliers.verdict, outliers.actual) == (Verdict.NOTE, "0.000")
    assert outliers.offenders[0].startswith("outlier raised blurred event ")


def test_an_alert_in_the_wake_of_a_fault_is_told_apart() -> None:
    pings, judged, faults = planned(small_city())
    wake = teleport("another", "blurred", 8.0)
    outliers = checked([*faults, wake], pings, judged, told(judged))["outlier: precision"]
    assert outliers.verdict == Verdict.OK
    assert outliers.actual == "1.000"
    assert outliers.detail == "0 of 1 planned, 1 in the wake of a planned fault"


def test_teleports_that_no_rule_can_see_are_counted_by_reason() -> None:
    city = small_city()
    city.ping("first", START_MS + 1_000, LAT + 0.1, LON)
    city.ping("first", START_MS + 600_000, LAT, LON)
    city.ping("slow", START_MS + 1_000, LAT, LON)
    city.ping("slow", START_MS + 1_201_000, LAT + 0.1, LON)
    city.ping("late", START_MS + 1_000, LAT, LON)
    city.ping("late", START_MS + 5_000, LAT + 0.1, LON, delay_ms=60_000)
    pings, judged, faults = planned(city)
    faults += [
        teleport("r1-first-1", "first", 0.02),
        teleport("r1-slow-2", "slow", 20.02),
        teleport("r1-late-2", "late", 0.1),
        teleport("nowhere", "late", 0.2),
    ]
    check = checked(faults, pings, judged, told(judged))[TELEPORTS]
    assert (check.verdict, check.expected, check.actual) == (Verdict.OK, "1 faults", "1 faults")
    assert check.detail.startswith("recall 1.000; 4 of 5 cannot be seen: ")
    for reason in (
        "1 late",
        "1 not on the topic",
        "1 without an accepted ping before",
        "1 within the limits of the rules",
    ):
        assert reason in check.detail


def test_silences_that_no_rule_can_see_are_counted_by_reason() -> None:
    city = small_city()
    for driver in ("brief", "leaves", "ends", "absent"):
        if driver != "absent":
            city.status(driver, START_MS, DriverStatus.AVAILABLE)
        stop = 35 if driver == "ends" else 5
        for at_ms in range(START_MS + 1_000, START_MS + stop * 60_000, 20_000):
            city.ping(driver, at_ms, LAT, LON, driver_status=DriverStatus.AVAILABLE)
    city.ping("brief", START_MS + 14 * 60_000, LAT, LON)
    city.status("brief", START_MS + 15 * 60_000, DriverStatus.OFFLINE)
    city.status("leaves", START_MS + 9 * 60_000, DriverStatus.OFFLINE)
    city.arrivals = [a for a in city.arrivals if b"stream_" not in (a[2] or b"")]
    city.end(END_MS)
    pings, judged, faults = planned(city)
    faults += [
        *silence("brief", 5.1, 13.9),
        *silence("leaves", 5.1, 8.9),
        *silence("ends", 35.1, 39),
        *silence("absent", 5.1, 20),
    ]
    check = checked(faults, pings, judged, told(judged))[SILENCES]
    assert (check.verdict, check.expected) == (Verdict.OK, "1 faults")
    for reason in (
        "1 heard again within ten minutes",
        "1 off shift within ten minutes",
        "1 with less than ten minutes to the end of the run",
        "1 not on shift",
    ):
        assert reason in check.detail


def test_a_silence_that_the_rules_overlook_is_named() -> None:
    pings, judged, faults = planned(small_city())
    blind = msgspec.structs.replace(
        judged, alerts=[a for a in judged.alerts if a.kind is not AnomalyKind.ZOMBIE_DRIVER]
    )
    alerts = [a for a in told(judged) if a.kind is not AnomalyKind.ZOMBIE_DRIVER]
    check = checked(faults, pings, blind, alerts)[SILENCES]
    assert (check.verdict, check.expected, check.actual) == (
        Verdict.DIFFERENT,
        "1 faults",
        "0 faults",
    )


def test_a_receiver_that_froze_is_told_and_one_that_froze_for_a_moment_cannot_be_seen() -> None:
    pings, judged, _ = planned(small_city())
    faults = [*freeze("frozen", 10.4, 11.0, 12.9), *freeze("jumper", 20.1, 20.4)]
    found = checked(faults, pings, judged, told(judged))["frozen_gps: told"]
    assert (found.verdict, found.expected) == (Verdict.OK, "1 faults")
    assert found.detail == (
        "recall 1.000; 1 of 2 cannot be seen: 1 shorter than a minute, or interrupted"
    )
    kept = [alert for alert in told(judged) if alert.kind is not AnomalyKind.FROZEN_GPS]
    missing = checked(faults, pings, judged, kept)["frozen_gps: told"]
    assert missing.verdict == Verdict.DIFFERENT
    assert missing.offenders[0].startswith("frozen_gps frozen at")
