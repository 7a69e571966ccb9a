"""`farol jobs submit | list | stop`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.jobs import JobControl
from deploy.local.layout import Layout

app = typer.Typer(help="Submit, list and stop Flink jobs.", no_args_is_help=True)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def submit(
    context: typer.Context,
    name: str,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start without any earlier state.")
    ] = False,
    start_from: Annotated[
        str | None, typer.Option("--from", metavar="PATH", help="A savepoint or checkpoint.")
    ] = None,
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
    """Show every job: state, checkpoints, restarts, and what it would resume from."""
    rows = JobControl(Layout.from_environment()).statuses()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    table = Table()
    for column in (
        *("job", "state", "wanted", "id", "checkpoints", "failed", "restarts", "resumes from"),
    ):
        table.add_column(column, no_wrap=column in ("job", "state", "id"))
    for row in rows:
        table.add_row(
            row.name,
            row.state,
            "yes" if row.is_wanted else "no",
            row.job_id[:8],
            str(row.checkpoints),
            str(row.failed_checkpoints),
            str(row.restarts),
            (row.resume_from or "").removeprefix("file://").rsplit("/flink/", 1)[-1],
        )
    Console().print(table)


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
