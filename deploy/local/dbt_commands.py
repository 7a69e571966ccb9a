"""`farol dbt ...`: dbt with the addresses and output folders of this stack."""

from typing import Annotated

import typer
from rich.console import Console

from deploy.local import dbt
from deploy.local.layout import Layout

SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="COMMAND", help="build, test, docs, ...")],
    engine: Annotated[
        dbt.Engine,
        typer.Option(help="trino builds the lake's tables, duckdb the same ones in a file."),
    ] = dbt.Engine.TRINO,
) -> None:
    """Run dbt, e.g. `farol dbt build --select +fact_trips`; select staging with its parents (+)."""
    console = Console(stderr=True, soft_wrap=True)
    dbt.run(
        Layout.from_environment(),
        (name, *context.args),
        lambda line: console.print(line, highlight=False, markup=False),
        engine=engine,
    )
