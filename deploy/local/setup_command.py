"""`farol setup`: make the toolchain that the repository asks for."""

import time
from typing import Annotated

import typer
from rich.console import Console

from deploy.local.layout import Layout
from deploy.local.preflight import check_space
from deploy.setup.plan import prepare


def setup(
    browser: Annotated[
        bool, typer.Option(help="Also install the headless browser that the tests use.")
    ] = True,
    airflow: Annotated[
        bool, typer.Option("--airflow", help="Also install Airflow, in an environment of its own.")
    ] = False,
) -> None:
    """Install what is missing, verify what is there; a second run needs no network."""
    console = Console(stderr=True)
    layout = Layout.from_environment()
    check_space(layout.tools, layout.cache)
    began = time.monotonic()
    done = prepare(layout, console, with_browser=browser)
    if airflow:  # made by the launcher, which makes the environment of this process too
        console.print("farol: Airflow is installed: farol airflow serve")
    what = f"made {', '.join(done)}" if done else "everything is in place"
    console.print(f"farol: {what} ({time.monotonic() - began:.1f} s)")
