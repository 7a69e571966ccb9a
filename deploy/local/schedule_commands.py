"""`farol lake run-loop | freshness | build | dlq-watch`: what chains consist of, who runs them."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import checks, dbt, lake, lake_freshness, lake_health, lake_report
from deploy.local.checks import Status
from deploy.local.dlq_watch import Share, TooManyError, shares
from deploy.local.lake_freshness import StaleError, Verdict, is_nothing_new
from deploy.local.lake_health import UnhealthyError
from deploy.local.lake_stats import TableStats, stats_of, table_names
from deploy.local.layout import Layout
from deploy.local.schedule import CHAINS, DLQ_WINDOW_MINUTES, STEPS, selection
from deploy.local.schedule_loop import (
    Runner,
    ScheduleError,
    chain_named,
    run_at_once,
    run_for_ever,
)

_HEALTH = (Status.PASS, Status.WARN, Status.FAIL)
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


def run_loop(
    names: Annotated[
        list[str] | None, typer.Option("--chain", help="Only this one: see --list.")
    ] = None,
    is_once: Annotated[
        bool, typer.Option("--once", help="Run each chain once, now, and end.")
    ] = False,
    is_now: Annotated[bool, typer.Option("--now", help="Run each at once, then on time.")] = False,
    is_list: Annotated[bool, typer.Option("--list", help="Show the chains and end.")] = False,
) -> None:
    """Build, watch and maintain the lake on time, as Airflow would, until Ctrl-C."""
    if is_list:
        for chain in CHAINS:
            typer.echo(f"{chain.name}: {chain.description} ({chain.cron}, UTC)")
            for task in chain.tasks:
                typer.echo(f"  {task.name}: farol {' '.join(task.command)}")
        return
    chains = [chain_named(name) for name in names] if names else list(CHAINS)

    def say(line: str) -> None:
        typer.echo(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}")

    runner = Runner(Layout.from_environment(), say)
    if is_once:
        run_at_once(runner, chains)
    else:
        run_for_ever(runner, chains, is_now=is_now, say=say)


def freshness(
    warn_minutes: Annotated[float, typer.Option(min=0, help="Older than this is late.")] = 30,
    fail_minutes: Annotated[float, typer.Option(min=0, help="Older is stale.")] = 360,
    as_json: AsJson = False,
) -> None:
    """Show how old the newest record of Bronze is, by domain. Needs the catalog alone.

    A domain that is stale does not keep the others from being built: it is an error where there is
    no other.
    """
    catalog = lake.connect(Layout.from_environment().url("catalog"))
    now = datetime.now(UTC)
    limits = timedelta(minutes=warn_minutes), timedelta(minutes=fail_minutes)
    found = [(each, each.verdict(now, *limits)) for each in lake_freshness.of_domains(catalog)]
    if as_json:
        rows = [
            {"domain": e.domain, "newest_at": e.newest_at and e.newest_at.isoformat(), "verdict": v}
            for e, v in found
        ]
        typer.echo(json.dumps(rows, indent=1))
    else:
        for each, verdict in found:
            age = "" if each.newest_at is None else f", {_age(now - each.newest_at)} old"
            typer.echo(f"{each.domain}: {verdict}{age}")
    if stale := [each.domain for each, verdict in found if verdict is Verdict.STALE]:
        if is_nothing_new(verdict for _, verdict in found):
            raise StaleError(stale)
        typer.echo(f"farol: warning: {StaleError(stale)}. The other domains are built", err=True)


def build(
    names: Annotated[
        list[str] | None, typer.Option("--step", help=f"Only this one: {', '.join(STEPS)}.")
    ] = None,
    is_full: Annotated[
        bool, typer.Option("--full-refresh", help="Make incremental tables anew.")
    ] = False,
) -> None:
    """Build Silver, then Gold's dimensions, facts and aggregates, and judge their health.

    The first step that fails is the last one; `farol lake report` shows what each found. Health is
    judged when everything is built, not after single steps.
    """
    layout = Layout.from_environment()
    if unknown := [name for name in names or () if name not in STEPS]:
        raise ScheduleError(f"there is no step {unknown[0]!r}; steps are: {', '.join(STEPS)}")
    for name in STEPS:
        if names and name not in names:
            continue
        words = ("build", *selection(name), *(("--full-refresh",) if is_full else ()))
        try:
            dbt.run(layout, words, lambda line: typer.echo(line, err=True))
        finally:
            checks.keep(dbt.folder(layout), name)
    if not names:
        health()


def health() -> None:
    """Judge volume, freshness and distribution: exit code 1 beyond the second threshold of one.

    Between both thresholds it warns. Needs Trino.
    """
    layout = Layout.from_environment()
    found = lake_health.judge(layout, lambda line: typer.echo(line, err=True))
    for each in found:
        if each.status is not Status.PASS:
            typer.echo(lake_health.described(each))
    counts = Counter(each.status for each in found)
    typer.echo(", ".join(f"{counts[status]} {status}" for status in _HEALTH))
    if failed := [each for each in found if each.status is Status.FAIL]:
        raise UnhealthyError(failed)


def report(
    out: Annotated[
        Path | None, typer.Option(help="Where to; by default checks.html in the state folder.")
    ] = None,
) -> None:
    """Write a page of what the checks of the last builds found, and print where it is."""
    layout = Layout.from_environment()
    path = (out or dbt.folder(layout) / "checks.html").resolve()
    findings = lake_report.write(dbt.folder(layout), path, sizes_of(layout))
    counts = ", ".join(f"{findings.count(status)} {status}" for status in reversed(list(Status)))
    typer.echo(f"{counts}\n{path.as_uri()}")


def sizes_of(layout: Layout) -> dict[str, TableStats]:
    """Return the statistics of dbt's tables; none where the catalog is not up."""
    try:
        catalog = lake.connect(layout.url("catalog"))
    except lake.CatalogUnreachableError:
        return {}
    names = [name for name in table_names(catalog) if name.startswith(("silver.", "gold."))]
    return {name: found for name in names if (found := stats_of(catalog, name))}


def dlq_watch(
    minutes: Annotated[float, typer.Option(min=1, help="How far to look back.")] = (
        DLQ_WINDOW_MINUTES
    ),
    fail_percent: Annotated[
        float, typer.Option(min=0, max=100, help="More malformed than this: exit code 1.")
    ] = 10,
    fail_records: Annotated[
        int, typer.Option(min=1, help="... but only from so many malformed records on.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what share of the records of the last minutes is malformed. Needs Trino."""
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    found = shares(Layout.from_environment(), since)
    if as_json:
        typer.echo(json.dumps([each.for_machines() for each in found], indent=1))
    elif any(each.malformed_count for each in found):
        _show(found)
    else:
        records = sum(each.record_count for each in found)
        typer.echo(f"{records:,} records since {since:%H:%M} UTC, none malformed")
    over = [
        each
        for each in found
        if each.malformed_count >= fail_records and each.percent > fail_percent
    ]
    if over:
        raise TooManyError(over, fail_percent)


def _show(found: list[Share]) -> None:
    table = Table("topic", "most frequent reason")
    for column in ("records", "malformed", "percent"):
        table.add_column(column, justify="right")
    for each in found:
        if each.malformed_count:
            table.add_row(
                *(each.topic, each.reason or "", f"{each.record_count:,}"),
                *(f"{each.malformed_count:,}", f"{each.percent:.2f}"),
            )
    Console().print(table)


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    return f"{seconds // 3600} h {seconds // 60 % 60} min" if seconds >= 60 else f"{seconds} s"
