"""`farol replay`: recorded trips onto `taxi.trips`, with a progress bar."""

import math
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from contracts.domain import TAXI_TRIPS
from contracts.timestamps import rfc3339
from deploy.local.layout import Layout, LayoutError
from sim.replay.errors import ReplayError
from sim.replay.formats import FORMATS, named_format
from sim.replay.kafka import KafkaTopic
from sim.replay.run import Outcome, Plan, replay

EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


class OrderChoice(StrEnum):
    """In which order rows are sent."""

    EVENT_TIME = "event-time"
    FILE = "file"


def parse_speed(text: str) -> float | None:
    """Return event seconds per wall second, None for `max`.

    Raises:
        ReplayError: It is neither `max` nor a positive number.
    """
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise ReplayError(f"--speed {text!r}: give a positive number such as 60, or max")
    return speed


def new_run_id() -> str:
    """Return a run id that says when it began and is unlike any other."""
    return f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


class Bars:
    """Two progress bars: reading (and sorting) the file, publishing its rows."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reading = progress.add_task("reading", total=None)
        self._published = progress.add_task("published", total=None)

    def reading(self, done: int, total: int) -> None:
        """Show how much of the file was read."""
        self._progress.update(self._reading, completed=done, total=total)

    def published(self, rows: int, total: int | None) -> None:
        """Show how many rows were sent."""
        self._progress.update(self._published, completed=rows, total=total)


def summary(outcome: Outcome, file: Path) -> Table:
    """Return what a replay did as a table."""
    table = Table(title=f"replay {outcome.run_id}", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("file", str(file))
    table.add_row("rows", f"{outcome.rows:,}" + ("" if outcome.is_complete else " (interrupted)"))
    table.add_row("accepted", f"{outcome.accepted:,}")
    for reason, rows in sorted(outcome.rejected.items()):
        table.add_row(f"rejected: {reason}", f"{rows:,}")
    table.add_row("control records", f"{outcome.controls:,}")
    times = outcome.event_times_ms()
    if times is not None:
        table.add_row("event time", f"{rfc3339(times[0])} to {rfc3339(times[1])}")
    rate = outcome.rows / outcome.seconds if outcome.seconds else 0.0
    table.add_row("time", f"{outcome.seconds:,.1f} s ({rate:,.0f} rows/s)")
    return table


def run(plan: Plan, layout: Layout, console: Console) -> Outcome:
    """Replay with a progress bar on the console and return what was done.

    Raises:
        ReplayError: The file, the ledger or the broker cannot be used.
    """
    topic = KafkaTopic(f"127.0.0.1:{layout.port('kafka')}", TAXI_TRIPS.name)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        return replay(plan, topic, layout.home, Bars(progress))


def command(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file of trips.")],
    format_name: Annotated[
        str, typer.Option("--as", help=f"Format of the file: {', '.join(sorted(FORMATS))}.")
    ],
    speed: Annotated[
        str, typer.Option(help="Event seconds per second (60: an hour a minute), or max.")
    ] = "max",
    order: Annotated[OrderChoice, typer.Option(help="Order of sending.")] = OrderChoice.EVENT_TIME,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many rows.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Id of the run; made if not given.")] = None,
) -> None:
    """Replay recorded trips onto Kafka, keeping their event time."""
    console, errors = Console(), Console(stderr=True)
    try:
        named_format(format_name)
        plan = Plan(
            file=file,
            format_name=format_name,
            run_id=run_id or new_run_id(),
            order="file" if order is OrderChoice.FILE else "event-time",
            speed=parse_speed(speed),
            limit=limit,
        )
        outcome = run(plan, Layout.from_environment(), console)
    except (ReplayError, LayoutError) as error:
        errors.print(f"farol replay: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(EXIT_USAGE) from None
    console.print(summary(outcome, file))
    console.print(
        f"compare it with the tables: farol audit --run {outcome.run_id}", highlight=False
    )
    if not outcome.is_complete:
        raise typer.Exit(EXIT_INTERRUPTED)
