from deploy.audit.checks.bronze import check_bronze, check_dlq
from deploy.audit.report import Verdict
from tests.unit.audit.kit import (
    MALFORMED,
    RANGES,
    RECORDS,
    TOPIC,
    Sent,
    bronze_of,
    dlq_of,
    log_of,
    payment,
)


def without(partition: int, offset: int) -> list[Sent]:
    return [r for r in RECORDS if (r.partition, r.offset) != (partition, offset)]


def test_a_true_table_is_ok_whatever_its_order() -> None:
    check = check_bronze(log_of(), bronze_of(RECORDS[::-1]), RANGES)
    assert (check.verdict, check.expected, check.actual) == (Verdict.OK, "8", "8")


def test_a_lost_row_is_named() -> None:
    check = check_bronze(log_of(), bronze_of(without(0, 12)), RANGES)
    assert check.verdict == Verdict.DIFFERENT
    assert check.offenders == (f"{TOPIC}/0/12 missing",)


def test_the_newest_rows_may_be_on_their_way() -> None:
    check = check_bronze(log_of(), bronze_of(without(0, 14)), RANGES)
    assert check.verdict == Verdict.BEHIND
    assert check.detail == f"1 not there yet, from {TOPIC}/0/14"
    none_yet = [record for record in RECORDS if record.partition == 0]
    assert check_bronze(log_of(), bronze_of(none_yet), RANGES).verdict == Verdict.BEHIND


def test_a_doubled_row_is_named() -> None:
    check = check_bronze(log_of(), bronze_of([*RECORDS, RECORDS[1]]), RANGES)
    assert check.verdict == Verdict.DIFFERENT
    assert check.offenders == (f"{TOPIC}/0/11 more than once",)


def test_other_bytes_are_named() -> None:
    changed = [*without(0, 11), Sent(0, 11, payment(2, fare_minor=1))]
    check = check_bronze(log_of(), bronze_of(changed), RANGES)
    assert check.offenders == (f"{TOPIC}/0/11 other bytes",)


def test_a_row_that_kafka_does_not_have_is_named() -> None:
    ranges: dict[int, tuple[int, int | None]] = {0: (10, 20), 1: (5, 8)}
    check = check_bronze(log_of(), bronze_of([*RECORDS, Sent(0, 17, b"x")]), ranges)
    assert check.offenders == (f"{TOPIC}/0/17 not in the topic",)


def test_rows_outside_the_run_are_none_of_its_business() -> None:
    others = [Sent(0, 9, b"earlier"), Sent(0, 15, b"later"), Sent(0, 9, b"earlier")]
    assert check_bronze(log_of(), bronze_of([*RECORDS, *others]), RANGES).verdict == Verdict.OK


def test_no_table_is_not_built() -> None:
    assert check_bronze(log_of(), None, RANGES).verdict == Verdict.NOT_BUILT
    assert check_dlq(log_of(), None, RANGES, bronze_of()).verdict == Verdict.NOT_BUILT


def test_a_true_dlq_is_ok() -> None:
    check = check_dlq(log_of(), dlq_of(), RANGES, bronze_of())
    assert (check.verdict, check.expected, check.actual) == (Verdict.OK, "2", "2")


def test_a_wrong_reason_is_named() -> None:
    rows = dlq_of([((1, 6), "wrong_type:fare_minor"), ((1, 7), "not_utf8")])
    check = check_dlq(log_of(), rows, RANGES, bronze_of())
    assert check.verdict == Verdict.DIFFERENT
    assert check.offenders == (f"{TOPIC}/1/6 another reason",)


def test_a_doubled_malformed_record_is_named() -> None:
    rows = dlq_of([*MALFORMED.items(), ((1, 7), "not_utf8")])
    check = check_dlq(log_of(), rows, RANGES, bronze_of())
    assert check.offenders == (f"{TOPIC}/1/7 more than once",)


def test_a_dlq_topic_may_repeat_a_record_and_not_lose_one() -> None:
    twice = dlq_of([*MALFORMED.items(), ((1, 7), "not_utf8")])
    check = check_dlq(log_of(), twice, RANGES, bronze_of(), is_topic=True)
    assert (check.verdict, check.expected, check.actual) == (Verdict.OK, "2", "2")
    assert check.subject == f"topic {TOPIC}.dlq = malformed"
    rows = dlq_of([((1, 7), "not_utf8"), ((1, 7), "not_utf8")])
    lost = check_dlq(log_of(), rows, RANGES, bronze_of(), is_topic=True)
    assert lost.offenders == (f"{TOPIC}/1/6 missing",)


def test_a_well_formed_record_in_the_dlq_is_named() -> None:
    rows = dlq_of([*MALFORMED.items(), ((0, 11), "not_json")])
    check = check_dlq(log_of(), rows, RANGES, bronze_of())
    assert check.offenders == (f"{TOPIC}/0/11 well formed",)


def test_a_malformed_record_that_bronze_has_must_be_in_the_dlq() -> None:
    rows = dlq_of([((1, 6), "out_of_range:fare_minor")])
    lost = check_dlq(log_of(), rows, RANGES, bronze_of())
    assert lost.verdict == Verdict.DIFFERENT
    assert lost.offenders == (f"{TOPIC}/1/7 missing",)
    coming = check_dlq(log_of(), rows, RANGES, bronze_of(without(1, 7)))
    assert coming.verdict == Verdict.BEHIND
