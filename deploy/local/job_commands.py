"""`farol jobs submit | list | stop | resume | upgrade | rescale | backfill`."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import job_changes, job_health
from deploy.local.flink_rest import FlinkRefusedError, FlinkUnavailableError
from deploy.local.job_health import JobStatus
from deploy.local.jobs import JobControl
from deploy.local.layout import Layout

EXIT_UNHEALTHY = 1
_WIDTH = 190
_ANY_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
StartFrom = Annotated[
    str | None, typer.Option("--from", metavar="PATH", help="A savepoint or checkpoint.")
]
app = typer.Typer(help="Submit, list, change and stop Flink jobs.", no_args_is_help=True)


@app.command(context_settings=_ANY_OPTIONS)
def submit(
    context: typer.Context,
    name: str,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start without any earlier state.")
    ] = False,
    start_from: StartFrom = None,
) -> None:
    """Start a job, from its newest checkpoint or savepoint if it has one.

    Further `--key value` options go to the job.
    """
    control = JobControl(Layout.from_environment())
    job_id = control.submit(name, context.args, start_from=start_from, is_fresh=fresh)
    control.wait_until_computing(name, job_id)
    typer.echo(f"{name} runs as job {job_id}")


@app.command("list")
def list_jobs(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show every job: state, health, counts, lags, checkpoints, and what it would resume from.

    Ends with exit code 1 where a wanted job is missing, stuck or restarts again and again.
    """
    layout = Layout.from_environment()
    rows = job_health.statuses(layout, JobControl(layout).rest)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        # one line per job: a narrow window breaks it, which can be read; squeezed columns cannot
        Console(width=max(Console().width, _WIDTH)).print(_table(rows))
        for line in unhealthy_lines(rows):
            typer.echo(line, err=True)
    if any(row.is_unhealthy for row in rows):
        raise typer.Exit(EXIT_UNHEALTHY)


def ailing(layout: Layout) -> list[str]:
    """Return one line per unhealthy job, or one that Flink does not answer."""
    try:
        return unhealthy_lines(job_health.statuses(layout, JobControl(layout).rest))
    except (FlinkUnavailableError, FlinkRefusedError) as error:
        return [f"unknown: {error}"]


def unhealthy_lines(rows: Iterable[JobStatus]) -> list[str]:
    """Return one line per job that somebody should look at."""
    return [
        f"{row.name} is {row.health}"
        + (f" ({row.restarts} restarts)" if row.restarts else "")
        + (f": {row.cause.splitlines()[0]}" if row.cause else "")
        for row in rows
        if row.is_unhealthy
    ]


def _table(rows: Iterable[JobStatus]) -> Table:
    table = Table()
    for column in ("job", "state", "health", "id"):
        table.add_column(column, no_wrap=True)
    for column in (
        *("in", "out", "late", "dupl.", "dlq", "lag", "watermark lag", "checkpoint age"),
        *("checkpoints", "failed", "restarts"),
    ):
        table.add_column(column, justify="right")
    table.add_column("resumes from")
    for row in rows:
        counts = (row.records_in, row.records_out, row.late, row.duplicates, row.dlq)
        table.add_row(
            *(row.name, row.state, row.health.value, row.job_id[:8]),
            *("" if count is None else str(count) for count in (*counts, row.lag_records)),
            *("" if s is None else f"{s:.0f} s" for s in (row.watermark_lag_s,)),
            *("" if s is None else f"{s:.0f} s" for s in (row.checkpoint_age_s,)),
            *(str(row.checkpoints), str(row.failed_checkpoints), str(row.restarts)),
            (row.resume_from or "").removeprefix("file://").rsplit("/flink/", 1)[-1],
        )
    return table


@app.command()
def stop(
    name: str,
    savepoint: Annotated[
        bool, typer.Option(help="Leave a savepoint, from which the next submit resumes.")
    ] = True,
) -> None:
    """Stop a job, with a savepoint unless told otherwise."""
    path = JobControl(Layout.from_environment()).stop(name, with_savepoint=savepoint)
    typer.echo(f"{name} stopped{f', savepoint {path}' if path else ''}")


@app.command()
def resume(name: str, start_from: StartFrom = None) -> None:
    """Start a stopped job with the arguments it had, from its newest state or the one given."""
    control = JobControl(Layout.from_environment())
    job_id = control.resume(name, start_from=start_from)
    control.wait_until_computing(name, job_id)
    typer.echo(f"{name} runs as job {job_id}")


@app.command(context_settings=_ANY_OPTIONS)
def upgrade(context: typer.Context, name: str) -> None:
    """Stop a job with a savepoint and start the present code from it.

    Further `--key value` options replace those it had; without any it keeps them. Where a step
    fails the job runs as before.
    """
    control = JobControl(Layout.from_environment())
    change = job_changes.upgrade(control, name, context.args or None)
    typer.echo(f"{name} runs as job {change.job_id}, from {change.savepoint}")


@app.command()
def rescale(
    name: str,
    parallelism: Annotated[int, typer.Option(min=1, help="Of every operator of the job.")],
) -> None:
    """Give a running job another parallelism, by way of a savepoint."""
    control = JobControl(Layout.from_environment())
    change = job_changes.rescale(control, name, parallelism)
    typer.echo(
        f"{name} runs at parallelism {parallelism} as job {change.job_id}, from {change.savepoint}"
    )


@app.command()
def backfill(
    job: str,
    since: Annotated[
        str,
        typer.Option("--from", metavar="INSTANT", help="Event time, e.g. 2026-01-05T08:00:00Z."),
    ],
    until: Annotated[str, typer.Option("--to", metavar="INSTANT", help="Up to before this.")],
    parallelism: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Compute a job's windows of an interval again, out of Bronze, into `stream.<topic>_backfill`.

    What came late to the running job is in its window there. The running job, its topic and Redis
    stay as they are.
    """
    # PyIceberg takes a second to load, which the other commands shall not wait for
    from deploy.local import backfill as backfills

    control = JobControl(Layout.from_environment())
    result = backfills.run(control, job, since, until, parallelism)
    typer.echo(f"{result.windows} windows in {result.table}")
