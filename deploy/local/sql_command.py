"""`farol sql "..."`: one statement to Trino, the answer as a table or as JSON."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Final

import typer
from requests.exceptions import RequestException
from rich.console import Console
from rich.table import Table
from trino.exceptions import Error, TrinoUserError

from deploy.local.layout import Layout
from deploy.local.probes import trino_connection

_TIMEOUT_S: Final = 60.0
_WIDTH_OF_FILES: Final = 180


class SqlError(Exception):
    """Trino refused the statement or does not answer."""


def run_statement(layout: Layout, statement: str) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Return the column names and the rows of one statement; catalog `lake` is selected.

    Raises:
        SqlError: The statement is wrong, it failed, or Trino does not answer.
    """
    connection = trino_connection(layout, timeout_s=_TIMEOUT_S)
    try:
        cursor = connection.cursor()
        cursor.execute(statement.strip().removesuffix(";"))
        rows = [list(row) for row in cursor.fetchall()]
        return tuple(column[0] for column in cursor.description or ()), rows
    except TrinoUserError as error:
        raise SqlError(f"{error.error_name}: {error.message}") from error
    except (Error, RequestException) as error:
        raise SqlError(
            f"Trino at port {layout.port('trino')} does not answer ({type(error).__name__}: "
            f"{str(error)[:200]}). Is it up? farol status, farol up trino"
        ) from error
    finally:
        connection.close()


def _plain(value: object) -> object:
    if isinstance(value, Decimal | datetime | date | time):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value


def sql(
    statement: str,
    as_json: Annotated[bool, typer.Option("--json", help="One object per row.")] = False,
) -> None:
    """Run one SQL statement on Trino, e.g. `farol sql "show tables from gold"`."""
    columns, rows = run_statement(Layout.from_environment(), statement)
    if as_json:
        answer = [{c: _plain(v) for c, v in zip(columns, row, strict=True)} for row in rows]
        typer.echo(json.dumps(answer, indent=1, ensure_ascii=False))
        return
    table = Table()
    for column in columns:
        # a long value or a name takes more lines; nothing of an answer is cut off
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(_plain(value)) for value in row))
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH_OF_FILES)).print(table)
