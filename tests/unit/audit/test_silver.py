from deploy.audit.checks.silver import check_silver
from deploy.audit.report import Check, Verdict
from tests.unit.audit.kit import EVENTS, RANGES, log_of, staged_of


def check(rows: list[tuple[tuple[int, int], str]] | None) -> Check:
    return check_silver(log_of(), "silver.stg_payments", staged_of(rows), RANGES)


def test_a_true_table_is_ok_and_the_sum_is_shown() -> None:
    found = check(None)
    assert found.verdict == Verdict.OK
    assert found.detail == "8 - 2 malformed - 1 duplicates - 1 control"
    assert (found.expected, found.actual) == ("4", "4")


def test_a_lost_event_is_named() -> None:
    found = check([row for row in EVENTS.items() if row[1] != "e2"])
    assert (found.verdict, found.offenders) == (Verdict.DIFFERENT, ("e2 missing",))


def test_the_newest_events_may_come_with_the_next_build() -> None:
    found = check([row for row in EVENTS.items() if row[1] != "e3"])
    assert found.verdict == Verdict.BEHIND
    assert "1 came after the newest build" in found.detail


def test_a_doubled_event_is_named() -> None:
    found = check([*EVENTS.items(), ((0, 11), "e2")])
    assert (found.verdict, found.offenders) == (Verdict.DIFFERENT, ("e2 more than once",))


def test_a_copy_that_was_not_removed_is_named() -> None:
    found = check([*EVENTS.items(), ((0, 12), "e1")])
    assert (found.verdict, found.offenders) == (Verdict.DIFFERENT, ("e1 should not be there",))


def test_the_later_copy_instead_of_the_first_is_named() -> None:
    swapped = [row for row in EVENTS.items() if row[1] != "e1"]
    found = check([*swapped, ((0, 12), "e1")])
    assert found.verdict == Verdict.DIFFERENT
    assert found.offenders == ("e1 missing", "e1 should not be there")


def test_another_event_in_its_place_is_named() -> None:
    swapped = [row for row in EVENTS.items() if row[1] != "e2"]
    found = check([*swapped, ((0, 11), "e9")])
    assert found.offenders == ("e9 in the place of another event",)


def test_no_table_is_not_built() -> None:
    found = check_silver(log_of(), "silver.stg_payments", None, RANGES)
    assert found.verdict == Verdict.NOT_BUILT
