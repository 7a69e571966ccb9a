"""`farol up | down | status | logs`."""

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import stack
from deploy.local.layout import Layout
from deploy.local.services import services, with_dependencies
from deploy.local.supervision import service_log

Names = Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...")]


def _say(line: str) -> None:
    Console(stderr=True, soft_wrap=True).print(line, highlight=False, markup=False)


def up(
    names: Names = None,
    without: Annotated[
        list[str] | None, typer.Option("--no", metavar="SERVICE", help="Leave a service out.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for all services together.")] = (
        stack.DEFAULT_TIMEOUT_S
    ),
) -> None:
    """Start services, with what they depend on, and wait until each gives a real answer."""
    layout = Layout.from_environment()
    stack.up(layout, names or (), without or (), timeout, _say)


def down() -> None:
    """Stop everything this stack started, whatever state it is in."""
    stopped = stack.down(Layout.from_environment(), _say)
    _say("farol: nothing was running" if not stopped else f"farol: {stopped} processes stopped")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show every service: state, readiness, restarts, port, memory; and jobs that are not well.

    Ends with exit code 1 where such a job is. As JSON it tells of services alone: see `farol jobs
    list --json`.
    """
    layout = Layout.from_environment()
    rows = stack.status(layout)
    if as_json:
        typer.echo(json.dumps([_for_machines(row) for row in rows], indent=1))
        return
    table = Table("service", "state", "ready", "pid", "restarts", "address", "MB", "remarks")
    for row in rows:
        address = row.url or f"127.0.0.1:{row.port}"
        remarks = row.detail or (f"last exit: {row.last_exit}" if row.last_exit else "")
        table.add_row(
            row.name,
            row.state,
            "yes" if row.is_ready else "no",
            str(row.pid or ""),
            str(row.restarts),
            address,
            str(row.rss_mb or ""),
            remarks,
        )
    Console().print(table)
    if any(row.name == "jobmanager" and row.is_ready for row in rows):
        _tell_of_unhealthy_jobs(layout)


def _tell_of_unhealthy_jobs(layout: Layout) -> None:
    # the client of Flink takes a moment to load, which only this command needs
    from deploy.local import job_commands

    lines = job_commands.ailing(layout)
    for line in lines:
        typer.echo(f"job {line}; see: farol jobs list", err=True)
    if lines:
        raise typer.Exit(job_commands.EXIT_UNHEALTHY)


def _for_machines(row: stack.ServiceStatus) -> dict[str, object]:
    fields = asdict(row)
    return {("ready" if name == "is_ready" else name): value for name, value in fields.items()}


def logs(
    name: str,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as it grows.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1)] = 50,
) -> None:
    """Print the end of a service's log."""
    layout = Layout.from_environment()
    if name != "supervisor":
        with_dependencies(services(layout), [name])
    path = service_log(layout, name)
    typer.echo(stack.tail(path, lines))
    if not follow:
        return
    position = path.stat().st_size if path.exists() else 0
    while True:
        time.sleep(0.5)
        size = path.stat().st_size if path.exists() else 0
        position = min(position, size)
        if size > position:
            with path.open("rb") as handle:
                handle.seek(position)
                typer.echo(handle.read().decode("utf-8", "replace"), nl=False)
            position = size
