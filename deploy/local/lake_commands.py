"""`farol lake init`."""

import time

import typer
from rich.console import Console

from deploy.local import lake
from deploy.local.lake import Change
from deploy.local.layout import Layout

app = typer.Typer(help="Create and look after the Iceberg tables.", no_args_is_help=True)


@app.callback()
def _lake() -> None:
    """Keep `lake` a group of commands."""


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
