import pytest

from deploy.audit.checks.produced import check_produced
from deploy.audit.report import Check, Verdict
from tests.unit.audit.kit import RECORDS, TOPIC, Sent, log_of, payment, truth_of


def failing(checks: list[Check]) -> list[str]:
    return [check.subject for check in checks if check.verdict == Verdict.DIFFERENT]


def test_a_true_run_is_clean() -> None:
    assert failing(check_produced(truth_of(), log_of())) == []


@pytest.mark.parametrize("kind", ["clean", "duplicate", "malformed", "control"])
def test_a_wrong_count_fails_its_kind_alone(kind: str) -> None:
    checks = check_produced(truth_of({kind: 9}), log_of())
    assert failing(checks) == [f"{TOPIC}: {kind}"]


def test_an_unread_offset_fails_the_offsets() -> None:
    records = [record for record in RECORDS if (record.partition, record.offset) != (0, 13)]
    checks = check_produced(truth_of({"control": 0}), log_of(records))
    assert failing(checks) == [f"{TOPIC}: offsets"]


def test_another_reason_than_planned_is_named() -> None:
    truth = truth_of(reasons=[("t5", "out_of_range:fare_minor"), ("t6", "not_json")])
    (check,) = [c for c in check_produced(truth, log_of()) if c.verdict != Verdict.OK]
    assert check.subject == f"{TOPIC}: reasons"
    assert check.offenders == ("t6 not_json: 1 not in Kafka", "t6 not_utf8: 1 not planned")


def test_records_of_others_are_a_note() -> None:
    records = [*RECORDS, Sent(0, 15, payment(99), b"x", None), Sent(0, 16, b"junk", b"x", b"other")]
    truth = truth_of(offsets={TOPIC: {0: (10, 17), 1: (5, 8)}})
    checks = check_produced(truth, log_of(records))
    assert failing(checks) == []
    (strangers,) = [check for check in checks if check.verdict == Verdict.NOTE]
    assert strangers.actual == "2"
    assert strangers.offenders == (f"{TOPIC}/0/15", f"{TOPIC}/0/16")


def test_counts_of_a_run_that_goes_on_are_no_difference() -> None:
    truth = truth_of({"clean": 3}, state="running", offsets={TOPIC: {0: (10, None), 1: (5, None)}})
    checks = check_produced(truth, log_of())
    assert failing(checks) == []
    assert (checks[1].expected, checks[1].actual) == ("about 3", "4")


def test_repaired_records_are_a_note_of_their_own() -> None:
    again = Sent(0, 15, payment(99), b"x", None, is_resent=True)
    truth = truth_of(offsets={TOPIC: {0: (10, 16), 1: (5, 8)}})
    checks = check_produced(truth, log_of([*RECORDS, again]))
    (note,) = [check for check in checks if check.verdict != Verdict.OK]
    assert (note.subject, note.actual, note.verdict) == (f"{TOPIC}: resent", "1", Verdict.NOTE)
    assert note.offenders == (f"{TOPIC}/0/15",)
