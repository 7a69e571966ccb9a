"""How healthy the lake is: volume, freshness and distribution, judged once all is built.

A build checks what must hold, and stops where it does not. These checks judge what usually holds,
each with a threshold to warn and one to fail: they are a step of their own (decision 0060).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from deploy.local import checks, dbt
from deploy.local.checks import Check, Status
from deploy.local.lake import LakeError
from deploy.local.layout import Layout

STEP = "health"


class UnhealthyError(LakeError):
    """Checks of health are beyond their second threshold."""

    def __init__(self, failed: Sequence[Check]) -> None:
        self.failed = tuple(failed)
        listed = "; ".join(described(each) for each in failed)
        noun = "check" if len(failed) == 1 else "checks"
        super().__init__(
            f"{len(failed)} {noun} of health failed: {listed}. What was built stays. See the rows "
            "behind them: farol lake report; ask again when it is mended: farol lake health"
        )


def described(check: Check) -> str:
    """Return a check and what it found in one line."""
    return (
        f"{check.status}: {check.name}: {check.found} "
        f"(warns if {check.warn_if}, fails if {check.error_if}; {check.table})"
    )


def judge(layout: Layout, say: dbt.Say) -> tuple[Check, ...]:
    """Run the checks of health, keep their results for the report, and return them.

    Raises:
        DbtError: One could not be run, or none was.
    """
    folder = dbt.folder(layout)
    began = datetime.now(UTC)
    failure: dbt.FailedError | None = None
    try:
        dbt.run(layout, ("test", "--select", f"tag:{dbt.HEALTH_TAG}"), say)
    except dbt.FailedError as error:
        # dbt ends alike for a figure beyond its threshold and for a query that failed
        failure = error
    checks.keep(folder, STEP)
    found = tuple(
        each for each in checks.read(folder).checks if each.ended_at and each.ended_at >= began
    )
    ends = {each.status for each in found}
    if failure and (Status.ERROR in ends or Status.FAIL not in ends):
        raise failure
    return found
