"""`farol replay`: recorded trips, or records out of Bronze, onto a topic; with a progress bar."""

import math
import secrets
from dataclasses import dataclass
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

from contracts.domain import INPUT_TOPICS, input_topic
from contracts.timestamps import rfc3339
from deploy.local.layout import Layout, LayoutError
from sim.replay.errors import ReplayError
from sim.replay.formats import FORMATS
from sim.replay.kafka import KafkaTopic
from sim.replay.local_time import LocalClock
from sim.replay.plan import Outcome, Plan
from sim.replay.run import NewSpeed, replay, resumed
from sim.replay.sources import BRONZE, BronzeSource, FileSource

EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
_DATE: Final = len("2019-01-15")


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


def parse_moment(option: str, text: str | None) -> int | None:
    """Return an event time as epoch milliseconds; a date is its midnight, without offset UTC.

    Raises:
        ReplayError: It is no time.
    """
    if text is None:
        return None
    moment_ms = LocalClock("UTC").epoch_ms(f"{text}T00:00:00" if len(text) == _DATE else text)
    if moment_ms is None:
        raise ReplayError(
            f"{option} {text!r}: give a date such as 2019-01-15, or a time such as "
            "2019-01-15T03:36:12Z"
        )
    return moment_ms


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


def summary(outcome: Outcome, source: str) -> Table:
    """Return what a replay did as a table."""
    table = Table(title=f"replay {outcome.run_id}", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("source", source)
    table.add_row("rows", f"{outcome.rows:,}" + ("" if outcome.is_complete else " (interrupted)"))
    if outcome.outside:
        table.add_row("outside of the interval", f"{outcome.outside:,}")
    if outcome.already_sent:
        table.add_row("sent before the interruption", f"{outcome.already_sent:,}")
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


def run(
    plan: Plan,
    layout: Layout,
    console: Console,
    bronze: str | None = None,
    *,
    keeps_speed: bool = True,
) -> Outcome:
    """Replay with a progress bar on the console and return what was done.

    Args:
        plan: What and how; of a resumed run only its id and the speed count.
        layout: The stack.
        console: Where the bar goes.
        bronze: Topic whose Bronze table is replayed instead of a file.
        keeps_speed: A resumed run goes on at the speed it began with, not at that of the plan.

    Raises:
        ReplayError: The source, the ledger or the broker cannot be used.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    catalog_uri = f"http://127.0.0.1:{layout.port('catalog')}"
    with Progress(*columns, console=console) as progress:
        bars = Bars(progress)
        if plan.is_resumed:
            pace: NewSpeed = "as before" if keeps_speed else plan.speed or "max"
            plan, source = resumed(layout.home, plan.run_id, bars, catalog_uri, pace)
        elif bronze is not None:
            source = BronzeSource(plan, input_topic(bronze), catalog_uri)
        else:
            source = FileSource(plan, bars.reading)
        topic = KafkaTopic(f"127.0.0.1:{layout.port('kafka')}", source.topic.name)
        return replay(plan, topic, layout.home, bars, source)


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a command says that records come from."""

    file: Path | None
    format_name: str | None
    from_bronze: str | None
    resume: str | None

    def check(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            ReplayError: Not exactly one source is named, or something of it is missing.
        """
        given = [self.file is not None, self.from_bronze is not None, self.resume is not None]
        if sum(given) != 1:
            raise ReplayError("give one of: FILE --as FORMAT, --from-bronze TOPIC, --resume RUN")
        if (self.file is None) != (self.format_name is None):
            known = ", ".join(sorted(FORMATS))
            raise ReplayError(f"FILE and --as belong together; formats: {known}, or a .yaml file")
        topics = [topic.name for topic in INPUT_TOPICS]
        if self.from_bronze is not None and self.from_bronze not in topics:
            raise ReplayError(
                f"--from-bronze {self.from_bronze!r} is no input topic; known are "
                f"{', '.join(topics)}"
            )


def command(
    file: Annotated[Path | None, typer.Argument(help="CSV or Parquet file of trips.")] = None,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--as", help=f"Format: {', '.join(sorted(FORMATS))}, or a mapping file (.yaml)."
        ),
    ] = None,
    speed: Annotated[
        str | None,
        typer.Option(
            help="Event seconds per second (60: an hour a minute), or max (the default; a resumed "
            "run goes on as it began)."
        ),
    ] = None,
    order: Annotated[OrderChoice, typer.Option(help="Order of sending.")] = OrderChoice.EVENT_TIME,
    begin: Annotated[
        str | None, typer.Option("--from", help="Oldest event time, a date or a time (UTC).")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Event time before which to stop, like --from.")
    ] = None,
    split: Annotated[
        bool, typer.Option("--split", help="Send starts, ends and payments instead of trips.")
    ] = False,
    from_bronze: Annotated[
        str | None, typer.Option(help="Replay the records of this topic out of Bronze.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="Go on with this run where it was interrupted.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many rows.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Id of the run; made if not given.")] = None,
) -> None:
    """Replay recorded trips onto Kafka, keeping their event time."""
    console, errors = Console(), Console(stderr=True)
    try:
        Asked(file, format_name, from_bronze, resume).check()
        plan = Plan(
            file=file or Path(from_bronze or ""),
            format_name=format_name or BRONZE,
            run_id=resume or run_id or new_run_id(),
            order="file" if order is OrderChoice.FILE else "event-time",
            speed=None if speed is None else parse_speed(speed),
            limit=limit,
            from_ms=parse_moment("--from", begin),
            to_ms=parse_moment("--to", end),
            is_split=split,
            is_resumed=resume is not None,
        )
        outcome = run(
            plan, Layout.from_environment(), console, from_bronze, keeps_speed=speed is None
        )
    except (ReplayError, LayoutError) as error:
        errors.print(f"farol replay: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(EXIT_USAGE) from None
    console.print(summary(outcome, str(file or from_bronze or f"resumed {resume}")))
    if not outcome.is_complete:
        console.print(
            f"interrupted; go on with: farol replay --resume {outcome.run_id}", highlight=False
        )
        raise typer.Exit(EXIT_INTERRUPTED)
    console.print(
        f"compare it with the tables: farol audit --run {outcome.run_id}", highlight=False
    )
