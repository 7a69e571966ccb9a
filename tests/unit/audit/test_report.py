import json

from rich.console import Console

from deploy.audit.cli import as_json, condensed, failure_lines, rendered, verdict_line
from deploy.audit.report import Check, Report, Verdict, compared, not_built, note


def report(*checks: Check, state: str = "ended") -> Report:
    return Report(run_id="r1", producer="sim", state=state, checks=checks, seconds=1.5)


OK = compared("produced", "t: clean", 3, 3)
WRONG = compared("produced", "t: control", 3, 4)
ABSENT = not_built("gold", "fact", 3, "no table: farol dbt build")
BEHIND = Check(
    area="bronze", subject="b", expected="2", actual="1", verdict=Verdict.BEHIND, detail="1 to come"
)


def test_a_difference_fails_in_any_state() -> None:
    assert not report(OK, WRONG).is_clean()
    assert not report(OK, WRONG, state="running").is_clean()
    assert not report(OK, WRONG).may_still_settle()


def test_what_is_under_way_fails_only_an_ended_run_and_may_settle() -> None:
    for check in (ABSENT, BEHIND):
        assert not report(OK, check).is_clean()
        assert report(OK, check).may_still_settle()
        assert report(OK, check, state="running").is_clean()
    assert not report(OK, ABSENT, WRONG).may_still_settle()


def test_notes_never_fail() -> None:
    assert report(OK, note("produced", "others", 5, "of others")).is_clean()


def test_offenders_alone_make_a_difference_and_only_the_first_are_kept() -> None:
    check = compared("a", "s", 1, 1, offenders=(f"row {n}" for n in range(9)))
    assert check.verdict == Verdict.DIFFERENT
    assert check.offenders == ("row 0", "row 1", "row 2", "row 3", "row 4")


def test_checks_of_one_subject_share_a_row_where_all_are_ok() -> None:
    also = compared("produced", "t: control", 3, 3)
    assert [c.detail for c in condensed([OK, also])] == ["control 3"]
    assert list(condensed([OK, WRONG])) == [OK, WRONG]


def printed(of: Report) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        console.print(rendered(of))
    return capture.get()


def test_the_table_names_the_run_and_the_offender() -> None:
    wrong = compared("bronze", "b [x]", 1, 2, offenders=["t/0/7 more than once"])
    text = printed(report(OK, wrong))
    assert "audit of sim run r1 (ended)" in text
    assert "t/0/7 more than once" in text
    assert "b [x]" in text


def test_what_differs_is_told_in_lines_of_its_own() -> None:
    wrong = compared("bronze", "b", 1, 2, offenders=["t/0/7 more than once"])
    assert list(failure_lines(report(OK, wrong, ABSENT))) == [
        "different: bronze: b: expected 1, actual 2",
        "    t/0/7 more than once",
        "not built: gold: fact: expected 3, actual - (no table: farol dbt build)",
    ]


def test_the_outcome_is_one_line() -> None:
    assert verdict_line(report(OK)) == "clean: 1 checks in 1.5 s"
    assert verdict_line(report(OK, WRONG)) == "1 of 2 checks in 1.5 s differ: t: control"


def test_json_says_what_the_exit_code_says() -> None:
    body = json.loads(as_json(report(OK, WRONG)))
    assert body["is_clean"] is False
    assert body["checks"][1]["verdict"] == "different"
    assert json.loads(as_json(report(OK)))["is_clean"] is True
