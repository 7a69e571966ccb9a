"""`farol sql "..."` or `farol sql --name QUERY`: Trino's answer as a table or as JSON."""

import json
from collections.abc import Sequence
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
from deploy.local.queries import Query, QueryError, Value, all_queries, assignments, named

_TIMEOUT_S: Final = 60.0
_WIDTH_OF_FILES: Final = 180
_QUERIES: Final = ("sql", "trino", "queries")
_NOT_KEPT: Final = (
    ". No snapshot that old is kept, or the table is younger. Snapshots of fact_trips: "
    "farol sql --name trips_at_each_build"
)


class SqlError(Exception):
    """Trino refused the statement or does not answer."""


def run_statement(
    layout: Layout, statement: str, values: Sequence[Value] = ()
) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Return the column names and the rows of one statement; catalog `lake` is selected.

    Args:
        layout: Where the server is.
        statement: SQL, with `?` for each value.
        values: What is bound to them.

    Raises:
        SqlError: The statement is wrong, it failed, or Trino does not answer.
    """
    connection = trino_connection(layout, timeout_s=_TIMEOUT_S)
    try:
        cursor = connection.cursor()
        cursor.execute(statement.strip().removesuffix(";"), list(values) or None)
        rows = [list(row) for row in cursor.fetchall()]
        return tuple(column[0] for column in cursor.description or ()), rows
    except TrinoUserError as error:
        hint = _NOT_KEPT if error.message.startswith("No version history") else ""
        raise SqlError(f"{error.error_name}: {error.message}{hint}") from error
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
    statement: Annotated[str | None, typer.Argument(help="SQL; catalog `lake`.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="A named question instead; see --list.")
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of it.")
    ] = None,
    is_list: Annotated[bool, typer.Option("--list", help="Show the named questions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One object per row.")] = False,
) -> None:
    """Ask Trino, e.g. `farol sql "show tables from gold"` or `farol sql --name busiest_zones`."""
    layout = Layout.from_environment()
    folder = layout.repository.joinpath(*_QUERIES)
    if is_list:
        _show_all(all_queries(folder))
        return
    values: Sequence[Value] = ()
    if name is not None:
        statement, values = named(folder, name).bound(assignments(given or []))
    elif statement is None:
        raise QueryError("give a statement, or --name and a query: farol sql --list shows them")
    elif given:
        raise QueryError("--set is for named questions: farol sql --name QUERY --set NAME=VALUE")
    columns, rows = run_statement(layout, statement, values)
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
    _print(table)


def _show_all(queries: Sequence[Query]) -> None:
    table = Table("name", "question", "parameters")
    for query in queries:
        wanted = (f"{p.name} ({p.kind}, {p.default or 'required'})" for p in query.parameters)
        table.add_row(query.name, query.purpose, "\n".join(wanted))
    _print(table)


def _print(table: Table) -> None:
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH_OF_FILES)).print(table)
