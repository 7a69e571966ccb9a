"""The checks of the lake as one HTML page: no script, no other file, everything escaped."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from deploy.local import checks
from deploy.local.checks import Findings, Status, Topic
from deploy.local.lake_stats import TableStats

_TEMPLATE: Final = "report.html.j2"
_MEANINGS: Final[Mapping[Topic, str]] = {
    Topic.VOLUME: "as many rows as there should be",
    Topic.FRESHNESS: "the newest row is new enough",
    Topic.DISTRIBUTION: "values spread as they did",
    Topic.RULES: "what must hold between columns and tables",
    Topic.UNIQUENESS: "one row per key",
    Topic.COMPLETENESS: "nothing is missing",
    Topic.RELATIONSHIPS: "what is referred to exists",
    Topic.VALUES: "only known values",
}


def render(findings: Findings, sizes: Mapping[str, TableStats], made_at: datetime) -> str:
    """Return the page.

    Args:
        findings: Checks and models.
        sizes: Statistics by table; a table without any shows none.
        made_at: Shown on the page.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(("j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(_TEMPLATE).render(
        findings=findings,
        sizes=sizes,
        made_at=made_at.astimezone(UTC),
        statuses=list(Status),
        topics=list(Topic),
        meanings=_MEANINGS,
    )


def write(folder: Path, out: Path, sizes: Mapping[str, TableStats]) -> Findings:
    """Write the page of a stack's dbt folder and return what it shows.

    Raises:
        ReportError: dbt never ran here, or the page cannot be written.
    """
    findings = checks.read(folder)
    page = render(findings, sizes, datetime.now(UTC))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise checks.ReportError(f"{out} cannot be written: {error.strerror}") from error
    return findings
