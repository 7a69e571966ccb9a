"""What the age of a domain's newest record means."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.lake_freshness import Freshness, Verdict, is_nothing_new

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
WARN, FAIL = timedelta(minutes=30), timedelta(hours=6)


@pytest.mark.parametrize(
    ("age", "has_ended", "verdict"),
    [
        (timedelta(0), False, Verdict.FRESH),
        (WARN, False, Verdict.FRESH),
        (WARN + timedelta(seconds=1), False, Verdict.LATE),
        (FAIL, False, Verdict.LATE),
        (FAIL + timedelta(seconds=1), False, Verdict.STALE),
        (timedelta(days=9), True, Verdict.ENDED),
        (timedelta(0), True, Verdict.FRESH),
    ],
)
def test_a_stream_that_has_ended_is_never_late(
    age: timedelta, has_ended: bool, verdict: Verdict
) -> None:
    found = Freshness("rideshare", NOW - age, has_ended)
    assert found.verdict(NOW, WARN, FAIL) is verdict


def test_a_domain_without_records_is_empty() -> None:
    assert Freshness("taxi", None, has_ended=False).verdict(NOW, WARN, FAIL) is Verdict.EMPTY


@pytest.mark.parametrize(
    ("verdicts", "stops"),
    [
        ("stale", True),
        ("stale stale", True),
        ("stale empty", True),
        ("stale fresh", False),
        ("late stale", False),
        ("stale ended", False),
        ("empty empty", False),
        ("fresh late", False),
        ("", False),
    ],
)
def test_a_stale_domain_stops_nothing_while_another_goes_on(verdicts: str, stops: bool) -> None:
    assert is_nothing_new(map(Verdict, verdicts.split())) is stops
