"""What is said of a check of health; that it is judged is for the tests with a lake."""

from deploy.local.checks import Check, Status, Topic
from deploy.local.lake_health import UnhealthyError, described

STALE = Check(
    name="bronze is fresh",
    topic=Topic.FRESHNESS,
    table="silver.bronze_offsets",
    column="",
    status=Status.FAIL,
    found=4320,
    warn_if="> 60",
    error_if="> 1440",
    message="Got 4320 results, configured to fail if > 1440",
    description="",
    sql="select 4320",
    seconds=0.1,
    ended_at=None,
)


def test_a_check_is_told_with_its_figure_and_both_limits() -> None:
    line = "fail: bronze is fresh: 4320 (warns if > 60, fails if > 1440; silver.bronze_offsets)"
    assert described(STALE) == line


def test_a_failure_names_its_checks_and_what_to_do() -> None:
    error = UnhealthyError([STALE])
    assert error.failed == (STALE,)
    assert str(error).startswith("1 check of health failed: fail: bronze is fresh: 4320 ")
    assert "What was built stays" in str(error)
    assert "farol lake report" in str(error)
    assert str(UnhealthyError([STALE, STALE])).startswith("2 checks of health failed: ")
