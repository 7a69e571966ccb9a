"""`farol dlq list | show | replay`."""

import base64
import json
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from contracts.domain import INPUT_TOPICS
from deploy.local.dlq.fix import Expression, Outcome
from deploy.local.dlq.replay import Request, Summary, preview, replay
from deploy.local.dlq.resends import Resend, Resends, path_of
from deploy.local.dlq.tables import DlqError, DlqRecord, DlqTables, topic_named
from deploy.local.layout import Layout

SHOWN_CHARACTERS = 300
Reason = Annotated[
    str | None, typer.Option(help="Only this reason, with its path (missing_field:lat) or without.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
app = typer.Typer(
    help="Look at malformed records, repair them and send them again.", no_args_is_help=True
)


@app.command("list")
def list_reasons(
    topic: Annotated[str | None, typer.Argument(help="An input topic; all if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count malformed records by topic and reason. Needs the catalog alone."""
    layout = Layout.from_environment()
    topics = INPUT_TOPICS if topic is None else (topic_named(topic),)
    counts = DlqTables(layout.url("catalog")).counts(topics)
    with Resends.opened(path_of(layout)) as resends:
        resent = [(each.topic, each.reason) for each in resends.all(topic)]
    rows = [{**asdict(row), "resent": resent.count((row.topic, row.reason))} for row in counts]
    if as_json:
        typer.echo(json.dumps(rows, indent=1, default=str))
        return
    table = Table("topic", "reason")
    for column in ("records", "resent", "first", "last"):
        table.add_column(column, justify="right")
    for row in rows:
        first, last = (row[name].strftime("%Y-%m-%d %H:%M:%S") for name in ("first_at", "last_at"))
        table.add_row(
            *(row["topic"], row["reason"], str(row["records"]), str(row["resent"]), first, last)
        )
    if rows:
        Console().print(table)
    else:
        typer.echo("no malformed records")


@app.command()
def show(
    topic: str,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many records.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show malformed records of a topic: where they lie, why, and their bytes, safe to print."""
    layout, named = Layout.from_environment(), topic_named(topic)
    records = islice(DlqTables(layout.url("catalog")).records(named, reason), limit)
    with Resends.opened(path_of(layout)) as resends:
        resent = {each.origin: each for each in resends.all(topic)}
    rows = [
        (record, resent.get((record.partition, record.offset)))
        for record in sorted(records, key=lambda record: (record.partition, record.offset))
    ]
    if as_json:
        typer.echo(json.dumps([_for_machines(*row) for row in rows], indent=1))
        return
    for record, again in rows:
        typer.echo(
            f"{record.place}  {record.reason}  key {printable(record.key)}  "
            f"sent {record.sent_at:%Y-%m-%d %H:%M:%S}"
            + (f"  sent again {again.intended_at}" if again else "")
        )
        typer.echo(f"    {printable(record.value)}")
    if not rows:
        typer.echo("no such malformed records")


def printable(value: bytes | None) -> str:
    """Return bytes as text that cannot move a cursor or change a colour, cut where it is long."""
    if value is None:
        return "(null)"
    text = value.decode("utf-8", "backslashreplace")
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    rest = len(safe) - SHOWN_CHARACTERS
    return f"{safe[:SHOWN_CHARACTERS]}… ({len(value)} bytes)" if rest > 0 else safe


def _for_machines(record: DlqRecord, again: Resend | None) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": record.reason,
        "key": _text_or_base64(record.key),
        "value": _text_or_base64(record.value),
        "headers": {name: _text_or_base64(value) for name, value in record.headers.items()},
        "sent_at": str(record.sent_at),
        "ingested_at": str(record.ingested_at),
        "resent": None if again is None else asdict(again),
    }


def _text_or_base64(value: bytes | None) -> str | dict[str, str] | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value or b"").decode()}


@app.command("replay")
def replay_records(
    topic: str,
    fix: Annotated[str, typer.Option(metavar="EXPR", help="jq: the record to what it should be.")],
    reason: Reason = None,
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="jq: only records for which it gives true.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many records.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show before and after; send nothing.")
    ] = False,
) -> None:
    """Repair malformed records and send each again, once.

    The expressions get the record's JSON, or its text where it is no JSON. What is malformed after
    the repair is not sent.
    """
    layout = Layout.from_environment()
    condition = None if where is None else Expression(where)
    request = Request(topic_named(topic), Expression(fix), reason, condition, limit)
    summary = (preview if dry_run else replay)(layout, request, _tell)
    for line in summary_lines(summary, is_dry=dry_run):
        typer.echo(line)
    if not summary.sent and not summary.settled:
        raise DlqError("nothing was sent" if not dry_run else "nothing would be sent")


def _tell(outcome: Outcome) -> None:
    typer.echo(f"{outcome.record.place}  {outcome.record.reason}")
    typer.echo(f"  - {printable(outcome.record.value)}")
    if outcome.value is not None:
        typer.echo(f"  + {printable(outcome.value)}")
    if outcome.problem is not None:
        typer.echo(f"  ! {outcome.problem}")


def summary_lines(summary: Summary, *, is_dry: bool) -> list[str]:
    """Return what came of a replay, one fact a line."""
    facts = [
        (summary.sent, "would be sent again" if is_dry else "sent again"),
        (summary.settled, "found sent by a replay that was ended"),
        (summary.before, "sent again before: never a second time"),
        (summary.doubtful, "not confirmed by Kafka: replay once more to find out"),
        *((count, f"refused: {problem}") for problem, count in summary.refused.most_common()),
    ]
    return [f"{count} {what}" for count, what in facts if count] or ["0 records fit"]
