"""The log of anomalies as a caller reads it: filters, what is open, and pages without gaps."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from api.services.anomalies import AnomalyService, BadCursorError, Reported, Wanted
from contracts.anomalies import AnomalyKind, AnomalyPhase, Severity
from contracts.live import Anomaly
from tests.integration.api.city import anomaly

ZOMBIE, OUTLIER, FROZEN = AnomalyKind.ZOMBIE_DRIVER, AnomalyKind.OUTLIER, AnomalyKind.FROZEN_GPS
OLDEST_FIRST = [
    anomaly("old", ZOMBIE, run_id="over"),
    anomaly("back", ZOMBIE),
    anomaly("far", OUTLIER, entity_id="driver-7"),
    anomaly("back", ZOMBIE, phase=AnomalyPhase.CLEARED),
    anomaly("silent", ZOMBIE, entity_id="driver-7"),
    anomaly("still", FROZEN),
]


class Log:
    """Entries in memory; `over` has ended."""

    async def newest_first(self) -> AsyncIterator[tuple[str, Anomaly]]:
        for number, entry in reversed(list(enumerate(OLDEST_FIRST))):
            yield f"{9 + number}-0", entry

    async def ended_runs(self) -> set[str]:
        return {"over"}


def ask(
    wanted: Wanted | None = None, limit: int = 100, cursor: str | None = None
) -> tuple[list[Reported], str | None]:
    return asyncio.run(AnomalyService(Log()).newest(wanted or Wanted(), limit, cursor))


def names(wanted: Wanted) -> list[str]:
    return [reported.anomaly.anomaly_id for reported in ask(wanted)[0]]


def test_everything_comes_newest_first_and_says_what_is_open() -> None:
    found, following = ask()
    assert [reported.anomaly for reported in found] == OLDEST_FIRST[::-1]
    assert [r.anomaly.anomaly_id for r in found if r.is_open] == ["still", "silent"]
    assert following is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(kind=OUTLIER), ["far"]),
        (Wanted(severity=Severity.CRITICAL), ["silent", "back", "back", "old"]),
        (Wanted(entity_id="driver-7"), ["silent", "far"]),
        (Wanted(phase=AnomalyPhase.CLEARED), ["back"]),
        (Wanted(only_open=True), ["still", "silent"]),
        (Wanted(only_open=True, kind=ZOMBIE), ["silent"]),
        (Wanted(kind=FROZEN, entity_id="driver-7"), []),
    ],
)
def test_filters(wanted: Wanted, expected: list[str]) -> None:
    assert names(wanted) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(kind=ZOMBIE)])
def test_pages_together_are_the_whole(limit: int, wanted: Wanted) -> None:
    whole, _ = ask(wanted)
    pages, cursor = list[Reported](), None
    for _ in range(10):
        page, cursor = ask(wanted, limit, cursor)
        assert len(page) <= limit
        pages += page
        if cursor is None:
            break
    assert pages == whole, "and what a page before has ended is not open on a later one"


@pytest.mark.parametrize("cursor", ["", "yesterday", "1", "1-", "-1-0", "1-0 ", "9" * 40 + "-0"])
def test_a_cursor_that_nobody_gave_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursorError, match="no cursor"):
        ask(cursor=cursor)
