from typing import Any

import msgspec
import pytest

from contracts.anomalies import AnomalyKind
from contracts.live import Anomaly
from deploy.audit.anomalies.judged import Judged
from deploy.audit.checks.alerts import Alerts, Shown, Written, identity_of
from deploy.audit.checks.anomalies import (
    FOREVER_MS,
    check_log,
    check_redis,
    check_table,
    is_judged,
    not_started,
)
from deploy.audit.report import Check, Verdict
from tests.gps_city import START_MS
from tests.unit.audit.city import judged_of, small_city, told, topic_of
from tests.unit.audit.kit import RUN

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def judged() -> Judged:
    return judged_of(small_city())[1]


@pytest.fixture
def alerts(judged: Judged) -> list[Anomaly]:
    return told(judged)


def failing(checks: list[Check]) -> dict[str, tuple[Verdict, tuple[str, ...]]]:
    return {
        check.subject: (check.verdict, check.offenders)
        for check in checks
        if check.verdict not in (Verdict.OK, Verdict.NOTE)
    }


def only(checks: list[Check], kind: str) -> tuple[Verdict, str]:
    found = failing(checks)
    assert list(found) == [f"{kind}: rideshare.anomalies = log"]
    verdict, offenders = found[f"{kind}: rideshare.anomalies = log"]
    return verdict, offenders[0] if offenders else ""


def of_kind(alerts: list[Anomaly], kind: AnomalyKind, phase: str = "raised") -> Anomaly:
    (found,) = (a for a in alerts if a.kind is kind and a.phase.value == phase)
    return found


def changed(alerts: list[Anomaly], which: Anomaly, **changes: Any) -> list[Anomaly]:
    return [replace(a, **changes) if a is which else a for a in alerts]


def without(alerts: list[Anomaly], which: Anomaly) -> list[Anomaly]:
    return [a for a in alerts if a is not which]


def test_what_follows_from_the_log_is_clean(judged: Judged, alerts: list[Anomaly]) -> None:
    checks = check_log(judged, topic_of(alerts), FOREVER_MS)
    assert failing(checks) == {}
    assert {c.subject.split(":")[0]: c.actual for c in checks} == {
        "outlier": "1 alerts",
        "impossible_speed": "1 alerts",
        "zombie_driver": "2 alerts",
        "frozen_gps": "2 alerts",
        "rideshare.anomalies": "0",
    }


def test_an_identical_repeat_is_no_difference(judged: Judged, alerts: list[Anomaly]) -> None:
    assert failing(check_log(judged, topic_of([*alerts, *alerts]), FOREVER_MS)) == {}


def test_a_missing_alert_is_named(judged: Judged, alerts: list[Anomaly]) -> None:
    jump = of_kind(alerts, AnomalyKind.IMPOSSIBLE_SPEED)
    verdict, named = only(
        check_log(judged, topic_of(without(alerts, jump)), FOREVER_MS), "impossible_speed"
    )
    assert verdict == Verdict.DIFFERENT
    assert named == f"impossible_speed raised jumper event {jump.event_id} missing"


def test_the_newest_alerts_may_be_on_their_way(judged: Judged, alerts: list[Anomaly]) -> None:
    newest = max(alerts, key=lambda a: a.event_time_ms)
    checks = check_log(judged, topic_of(without(alerts, newest)), FOREVER_MS)
    assert only(checks, newest.kind.value)[0] == Verdict.BEHIND


def test_in_a_run_that_goes_on_the_newest_is_not_asked_for(
    judged: Judged, alerts: list[Anomaly]
) -> None:
    until_ms = START_MS + 11 * 60_000
    early = [a for a in alerts if a.event_time_ms <= until_ms]
    assert 0 < len(early) < len(alerts)
    assert failing(check_log(judged, topic_of(early), until_ms)) == {}
    assert failing(check_log(judged, topic_of(alerts), until_ms)) == {}, "the job was faster"


def test_an_extra_alert_is_named(judged: Judged, alerts: list[Anomaly]) -> None:
    jump = of_kind(alerts, AnomalyKind.IMPOSSIBLE_SPEED)
    extra = replace(jump, anomaly_id="x", event_id="another")
    verdict, named = only(
        check_log(judged, topic_of([*alerts, extra]), FOREVER_MS), "impossible_speed"
    )
    assert verdict == Verdict.DIFFERENT
    assert named == "impossible_speed raised jumper event another does not follow from the log"


def test_one_alert_under_two_identifiers_is_named(judged: Judged, alerts: list[Anomaly]) -> None:
    jump = of_kind(alerts, AnomalyKind.IMPOSSIBLE_SPEED)
    again = replace(jump, anomaly_id="z")
    verdict, named = only(
        check_log(judged, topic_of([*alerts, again]), FOREVER_MS), "impossible_speed"
    )
    assert verdict == Verdict.DIFFERENT
    assert named.endswith(f"told 2 times: {jump.anomaly_id}, z")


@pytest.mark.parametrize(
    ("kind", "changes", "shown"),
    [
        (AnomalyKind.OUTLIER, {"reason": "outside_service_area"}, "reason outside_service_area"),
        (AnomalyKind.OUTLIER, {"accuracy_m": 40.0}, "accuracy_m 40.0, by the log 400.0"),
        (AnomalyKind.IMPOSSIBLE_SPEED, {"speed_kmh": 201.0}, "speed_kmh 201.0"),
        (AnomalyKind.IMPOSSIBLE_SPEED, {"previous_lat": 1.0}, "previous_lat 1.0"),
        (AnomalyKind.ZOMBIE_DRIVER, {"lasted_ms": 1}, "lasted_ms 1, by the log 600000"),
        (AnomalyKind.FROZEN_GPS, {"rule_version": 9}, "rule_version 9"),
    ],
)
def test_a_changed_value_is_named(
    judged: Judged,
    alerts: list[Anomaly],
    kind: AnomalyKind,
    changes: dict[str, Any],
    shown: str,
) -> None:
    wrong = changed(alerts, of_kind(alerts, kind), **changes)
    verdict, named = only(check_log(judged, topic_of(wrong), FOREVER_MS), kind.value)
    assert verdict == Verdict.DIFFERENT
    assert shown in named


def test_a_zombie_at_another_instant_is_missing_and_extra(
    judged: Judged, alerts: list[Anomaly]
) -> None:
    zombie = of_kind(alerts, AnomalyKind.ZOMBIE_DRIVER)
    wrong = changed(alerts, zombie, event_time_ms=zombie.event_time_ms + 1)
    checks = check_log(judged, topic_of(wrong), FOREVER_MS)
    (_, offenders), *_ = failing(checks).values()
    assert [offender.rsplit(" ", 1)[1] for offender in offenders] == ["missing", "log"]


def test_an_end_belongs_to_its_beginning(judged: Judged, alerts: list[Anomaly]) -> None:
    end = of_kind(alerts, AnomalyKind.ZOMBIE_DRIVER, "cleared")
    verdict, named = only(
        check_log(judged, topic_of(changed(alerts, end, anomaly_id="x")), FOREVER_MS),
        "zombie_driver",
    )
    assert verdict == Verdict.DIFFERENT
    assert " is x, raised as a" in named


def test_two_values_of_one_alert_are_named(judged: Judged, alerts: list[Anomaly]) -> None:
    jump = of_kind(alerts, AnomalyKind.IMPOSSIBLE_SPEED)
    topic = topic_of([*alerts, replace(jump, lat=0.0), jump])
    found = failing(check_log(judged, topic, FOREVER_MS))
    assert found["rideshare.anomalies: one value per alert"][1][0].startswith("impossible_speed ")


def test_no_topic_or_no_alert_of_the_run_is_not_built(judged: Judged) -> None:
    for topic in (None, topic_of([])):
        (check,) = check_log(judged, topic, FOREVER_MS)
        assert (check.verdict, check.expected) == (Verdict.NOT_BUILT, "6")


def test_a_run_that_no_job_was_to_judge_is_a_note(alerts: list[Anomaly]) -> None:
    nothing, rows = topic_of([]), Written(rows=alerts, at_ms=[1] * len(alerts))
    assert not is_judged(None, None, is_started=False)
    assert not is_judged(nothing, Written(rows=[], at_ms=[]), is_started=False)
    assert is_judged(nothing, None, is_started=True)
    assert is_judged(topic_of(alerts), None, is_started=False)
    assert is_judged(None, rows, is_started=False)
    assert not_started().verdict == Verdict.NOTE


def written(alerts: list[Anomaly], at_ms: int = 200_000) -> Written:
    return Written(rows=alerts, at_ms=[at_ms] * len(alerts))


def test_the_table_holds_each_alert_of_the_topic_once(alerts: list[Anomaly]) -> None:
    topic = topic_of(alerts)
    assert check_table(topic, written(alerts)).verdict == Verdict.OK
    assert check_table(topic, None).verdict == Verdict.NOT_BUILT

    def named(rows: list[Anomaly]) -> str:
        check = check_table(topic, written(rows))
        assert check.verdict == Verdict.DIFFERENT
        return check.offenders[0].rsplit(alerts[0].event_id or "?", 1)[1].strip()

    assert named([*alerts, alerts[0]]) == "2 times"
    assert named(alerts[1:]) == "missing"
    assert named([replace(alerts[0], lat=0.0), *alerts[1:]]) == "has other values than in the topic"
    stranger = replace(alerts[0], anomaly_id="x")
    assert "not in the topic" in named([*alerts, stranger])


def test_what_the_last_checkpoint_has_not_committed_is_behind(alerts: list[Anomaly]) -> None:
    topic = topic_of(alerts)
    assert check_table(topic, written([])).verdict == Verdict.BEHIND
    assert check_table(topic, written(alerts[1:], at_ms=1_000)).verdict == Verdict.BEHIND
    assert check_table(topic, written(alerts[1:], at_ms=90_000)).verdict == Verdict.DIFFERENT


def redis(
    alerts: list[Anomaly], topic: Alerts, *, is_ended: bool = True, is_capped: bool = False
) -> Check:
    return check_redis(RUN, topic, Shown(entries=alerts, is_capped=is_capped), is_ended=is_ended)


def test_redis_tells_each_alert_once(alerts: list[Anomaly]) -> None:
    topic = topic_of([*alerts, *alerts], partitions=1)
    assert redis(alerts, topic).verdict == Verdict.OK
    assert redis([], topic).verdict == Verdict.NOT_BUILT
    assert check_redis(RUN, topic, None, is_ended=True).verdict == Verdict.NOT_BUILT
    assert redis(alerts[:-1], topic).verdict == Verdict.BEHIND
    lost = redis(alerts[1:], topic)
    assert (lost.verdict, lost.offenders[0].endswith("missing")) == (Verdict.DIFFERENT, True)
    twice = redis([*alerts, alerts[2]], topic)
    assert (twice.verdict, twice.offenders[0].endswith("told 2 times")) == (Verdict.DIFFERENT, True)
    wrong = redis([replace(alerts[0], lat=0.0), *alerts[1:]], topic)
    assert "other values" in wrong.offenders[0]
    assert redis([replace(alerts[0], lat=0.0), *alerts[1:]], topic).verdict == Verdict.DIFFERENT


def test_redis_may_have_let_go_of_the_oldest(alerts: list[Anomaly]) -> None:
    topic = topic_of(alerts, partitions=1)
    check = redis(alerts[2:], topic, is_capped=True)
    assert (check.verdict, check.expected) == (Verdict.OK, f"{len(alerts) - 2} alerts")
    holes = [alerts[1], *alerts[3:]]
    assert redis(holes, topic, is_capped=True).verdict == Verdict.DIFFERENT


def test_redis_may_know_more_of_a_run_that_goes_on(alerts: list[Anomaly]) -> None:
    topic = topic_of(alerts[:-1], partitions=1)
    assert redis(alerts, topic, is_ended=False).verdict == Verdict.OK
    assert redis(alerts, topic).offenders[0].endswith("not in the topic")
    others = [replace(a, run_id="another", anomaly_id=f"o{a.anomaly_id}") for a in alerts]
    assert redis([*others, *alerts[:-1]], topic, is_ended=False).verdict == Verdict.OK


def test_alerts_of_other_runs_have_their_place_in_the_order(alerts: list[Anomaly]) -> None:
    other = replace(alerts[0], run_id="another", anomaly_id="o")
    topic = topic_of([other, *alerts, other], partitions=1)
    assert topic.order[0] == [identity_of(other), *map(identity_of, alerts)]
    assert identity_of(other) not in topic.own
    assert redis([other, *alerts], topic).verdict == Verdict.OK
