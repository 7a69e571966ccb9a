"""`farol lake init | stats | maintain`."""

import json
import time
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import lake, schedule_commands
from deploy.local.lake import Change
from deploy.local.lake_stats import TableStats, stats_of, table_names
from deploy.local.layout import Layout
from deploy.local.maintenance import Kind, Policy
from deploy.local.maintenance_run import Maintenance, Outcome

_MIB = 2**20
_WIDTH_OF_FILES = 140
Names = Annotated[
    list[str] | None, typer.Option("--table", help="Only this one, e.g. bronze.rideshare_trips.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
app = typer.Typer(
    help="Create, build, check and maintain the Iceberg tables.", no_args_is_help=True
)
app.command("freshness")(schedule_commands.freshness)
app.command("build")(schedule_commands.build)
app.command("health")(schedule_commands.health)
app.command("report")(schedule_commands.report)
app.command("dlq-watch")(schedule_commands.dlq_watch)
app.command("run-loop")(schedule_commands.run_loop)


@app.command()
def init() -> None:
    """Create the namespaces and tables of the contracts, or add the columns they lack."""
    console = Console(stderr=True, soft_wrap=True)
    began = time.monotonic()
    outcomes = lake.initialise(lake.connect(Layout.from_environment().url("catalog")))
    for outcome in outcomes:
        if outcome.change is not Change.UNCHANGED:
            detail = f": {', '.join(outcome.detail)}" if outcome.detail else ""
            console.print(f"  {outcome.change} {outcome.identifier}{detail}", highlight=False)
    changed = sum(outcome.change is not Change.UNCHANGED for outcome in outcomes)
    console.print(
        f"farol: lake is ready, {changed} of {len(outcomes)} namespaces and tables changed "
        f"({time.monotonic() - began:.1f} s)",
        highlight=False,
    )


@app.command()
def stats(named: Names = None, as_json: AsJson = False) -> None:
    """Show what each table consists of. Needs the catalog alone."""
    catalog = lake.connect(Layout.from_environment().url("catalog"))
    found = [
        each for name in table_names(catalog, named or ()) if (each := stats_of(catalog, name))
    ]
    if as_json:
        typer.echo(json.dumps([_for_machines(each) for each in found], indent=1))
        return
    table = Table()
    table.add_column("table", overflow="fold")
    columns = ("rows", "files", "MiB", "small", "deletes", "partitions", "manifests", "snapshots")
    for column in columns:
        table.add_column(column, justify="right")
    for each in found:
        table.add_row(
            each.identifier,
            *(f"{each.row_count:,}", f"{each.file_count:,}", f"{each.bytes / _MIB:,.1f}"),
            *(f"{each.small_file_count:,}", f"{each.delete_file_count:,}"),
            *(str(len(each.partitions)), str(each.manifest_count), f"{each.snapshot_count:,}"),
        )
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH_OF_FILES)).print(table)


@app.command()
def maintain(
    named: Names = None,
    keep_hours: Annotated[
        float, typer.Option(min=1, help="How far back one can travel in time.")
    ] = Policy().keep_snapshots / timedelta(hours=1),
    orphan_hours: Annotated[
        float, typer.Option(min=24, help="Age from which a file without a snapshot is removed.")
    ] = Policy().keep_orphans / timedelta(hours=1),
    open_files: Annotated[
        int, typer.Option(min=1, help="Small files that a day still being written may have.")
    ] = Policy().open_small_files,
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is due and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Merge small files, drop old snapshots and files that belong to nothing. Needs Trino.

    Safe beside jobs that write and builds of dbt.
    """
    console = Console(stderr=True, soft_wrap=True)
    policy = Policy(
        keep_snapshots=timedelta(hours=keep_hours),
        keep_orphans=timedelta(hours=orphan_hours),
        open_small_files=open_files,
    )
    maintenance = Maintenance(Layout.from_environment(), policy, is_dry_run)
    began = time.monotonic()
    outcomes = []
    for outcome in maintenance.run(
        named or (), lambda line: console.print(line, highlight=False, markup=False)
    ):
        outcomes.append(outcome)
        if not as_json:
            _show(console, outcome, is_dry_run=is_dry_run)
    if as_json:
        typer.echo(json.dumps([_outcome(each) for each in outcomes], indent=1))
    before, after = (
        (sum(t.file_count for t in tables), sum(t.snapshot_count for t in tables))
        for tables in ([o.before for o in outcomes], [o.after for o in outcomes])
    )
    console.print(
        f"farol: {len(outcomes)} tables {'looked at' if is_dry_run else 'maintained'}, "
        f"{before[0]:,} data files are now {after[0]:,}, "
        f"{before[1]:,} snapshots {after[1]:,} ({time.monotonic() - began:.1f} s)",
        highlight=False,
    )


def _show(console: Console, outcome: Outcome, *, is_dry_run: bool) -> None:
    for step in outcome.done:
        if step.kind is Kind.ORPHANS and not is_dry_run:
            continue  # looked for in every table
        console.print(
            f"  {step.kind} {outcome.before.identifier}: {step.reason}",
            highlight=False,
            markup=False,
        )


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {
        "table": outcome.before.identifier,
        "before": _for_machines(outcome.before),
        "after": _for_machines(outcome.after),
        "done": [asdict(step) for step in outcome.done],
    }


def _for_machines(stats: TableStats) -> dict[str, object]:
    totals = ("row_count", "file_count", "bytes", "small_file_count", "delete_file_count")
    return {
        "table": stats.identifier,
        **{name: getattr(stats, name) for name in totals},
        "manifest_count": stats.manifest_count,
        "snapshot_count": stats.snapshot_count,
        "partitions": [asdict(part) for part in stats.partitions],
    }
