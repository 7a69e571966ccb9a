"""The answer of an audit: one row per check, and what to print of it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

OFFENDERS_SHOWN: Final = 5


class Verdict(StrEnum):
    """How expected and actual stand to each other."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing, no difference."""
    BEHIND = "behind"
    """Nothing is wrong, the newest part has not arrived: a difference once the run has ended."""
    NOT_BUILT = "not built"
    """The table, topic or key is not there: a difference once the run has ended."""
    DIFFERENT = "different"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison; offenders are named by topic/partition/offset or by id."""

    area: str
    subject: str
    expected: str
    actual: str
    verdict: Verdict
    detail: str = ""
    offenders: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one run."""

    run_id: str
    producer: str
    state: str
    checks: tuple[Check, ...]
    seconds: float = 0.0

    def failures(self) -> tuple[Check, ...]:
        """Return the checks that make the audit fail."""
        failing = {Verdict.DIFFERENT}
        if self.state == "ended":
            failing |= {Verdict.BEHIND, Verdict.NOT_BUILT}
        return tuple(check for check in self.checks if check.verdict in failing)

    def is_clean(self) -> bool:
        """Return whether nothing differs; what is under way counts once the run has ended."""
        return not self.failures()

    def may_still_settle(self) -> bool:
        """Return whether all that fails is behind or not built yet: waiting may help."""
        failures = self.failures()
        return bool(failures) and all(check.verdict != Verdict.DIFFERENT for check in failures)


def shown(offenders: Iterable[str]) -> tuple[str, ...]:
    """Return the first few offenders."""
    first = []
    for offender in offenders:
        first.append(offender)
        if len(first) == OFFENDERS_SHOWN:
            break
    return tuple(first)


def compared(
    area: str,
    subject: str,
    expected: object,
    actual: object,
    *,
    offenders: Iterable[str] = (),
    detail: str = "",
) -> Check:
    """Return a check that is ok where both sides print the same and nobody offends."""
    named = shown(offenders)
    is_same = str(expected) == str(actual) and not named
    return Check(
        area=area,
        subject=subject,
        expected=str(expected),
        actual=str(actual),
        verdict=Verdict.OK if is_same else Verdict.DIFFERENT,
        detail=detail,
        offenders=named,
    )


def not_built(area: str, subject: str, expected: object, what: str) -> Check:
    """Return a check of something that is not there."""
    return Check(
        area=area,
        subject=subject,
        expected=str(expected),
        actual="-",
        verdict=Verdict.NOT_BUILT,
        detail=what,
    )


def note(
    area: str, subject: str, actual: object, detail: str, offenders: Iterable[str] = ()
) -> Check:
    """Return a row that only tells."""
    return Check(
        area=area,
        subject=subject,
        expected="",
        actual=str(actual),
        verdict=Verdict.NOTE,
        detail=detail,
        offenders=shown(offenders),
    )
