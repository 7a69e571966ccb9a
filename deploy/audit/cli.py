"""`farol audit`: prints the report as a table or as JSON."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.audit.errors import AuditError
from deploy.audit.report import Check, Report, Verdict
from deploy.local.layout import Layout, LayoutError

EXIT_DIFFERENT: Final = 1
EXIT_USAGE: Final = 2
_WIDTH_OF_FILES: Final = 180
_STYLES: Final = {
    Verdict.OK: "green",
    Verdict.NOTE: "cyan",
    Verdict.BEHIND: "yellow",
    Verdict.NOT_BUILT: "yellow",
    Verdict.DIFFERENT: "bold red",
}


def rendered(report: Report, *, is_whole: bool = False) -> Table:
    """Return the report as a table, offenders below their check.

    Args:
        report: The report.
        is_whole: Whether to show every check; else those of one subject that are all ok share a
            row (a city has eight topics).
    """
    table = Table(title=f"audit of {report.producer} run {report.run_id} ({report.state})")
    table.title_justify = "left"
    for column in ("area", "check", "expected", "actual", "verdict"):
        table.add_column(column, justify="right" if column in ("expected", "actual") else "left")
    table.add_column("detail", overflow="fold")
    area = ""
    for check in report.checks if is_whole else condensed(report.checks):
        if area and check.area != area:
            table.add_section()
        table.add_row(
            "" if check.area == area else check.area,
            Text(check.subject),
            Text(check.expected),
            Text(check.actual),
            Text(check.verdict.value, style=_STYLES[check.verdict]),
            Text("\n".join(filter(None, (check.detail, *check.offenders)))),
        )
        area = check.area
    return table


def condensed(checks: Iterable[Check]) -> Iterator[Check]:
    """Yield the checks; those of one subject (`subject: what`) as one where all are ok."""
    for (_, subject), group in groupby(checks, key=lambda c: (c.area, c.subject.split(": ")[0])):
        members = list(group)
        if len(members) == 1 or any(check.verdict != Verdict.OK for check in members):
            yield from members
            continue
        first, *rest = members
        also = [f"{check.subject.split(': ', 1)[-1]} {check.actual}" for check in rest]
        detail = ", ".join(filter(None, (first.detail, *also)))
        yield msgspec.structs.replace(first, subject=subject, detail=detail)


def failure_lines(report: Report) -> Iterator[str]:
    """Yield what differs as lines that no table has folded, for logs and eyes alike."""
    for check in report.failures():
        yield (
            f"{check.verdict.value}: {check.area}: {check.subject}: "
            f"expected {check.expected}, actual {check.actual}"
            + (f" ({check.detail})" if check.detail else "")
        )
        for offender in check.offenders:
            yield f"    {offender}"


def verdict_line(report: Report) -> str:
    """Return the outcome in one line."""
    failures = len(report.failures())
    took = f"{len(report.checks)} checks in {report.seconds:.1f} s"
    if not failures:
        return f"clean: {took}"
    return f"{failures} of {took} differ: " + ", ".join(c.subject for c in report.failures()[:5])


def as_json(report: Report) -> bytes:
    """Return the report for machines; `is_clean` is what the exit code says."""
    body = msgspec.to_builtins(report)
    body["is_clean"] = report.is_clean()
    return msgspec.json.format(msgspec.json.encode(body), indent=2)


def command(
    run_id: Annotated[
        str | None, typer.Option("--run", help="The run to audit; the newest if not given.")
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
    is_whole: Annotated[bool, typer.Option("--all", help="Show every check by itself.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the last checkpoint and build.")
    ] = 0.0,
) -> None:
    """Account for every record of a run: truth, Kafka, lake, windows, Redis."""
    # Imported here: the clients take a second to load, which every farol command would pay.
    from deploy.audit.audit import run

    console, errors = Console(), Console(stderr=True)
    if not console.is_terminal:
        console = Console(width=_WIDTH_OF_FILES)
    try:
        layout = Layout.from_environment()
        with errors.status("audit") as status:
            report = run(layout, run_id, wait, lambda text: status.update(f"audit: {text}"))
    except (AuditError, LayoutError) as error:
        errors.print(f"farol audit: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(EXIT_USAGE) from None
    if is_json:
        typer.echo(as_json(report))
    else:
        console.print(rendered(report, is_whole=is_whole))
        for line in (*failure_lines(report), verdict_line(report)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if not report.is_clean():
        raise typer.Exit(EXIT_DIFFERENT)
