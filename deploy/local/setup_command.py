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
) -> None:
    """Install what is missing, verify what is there; a second run needs no network."""
    console = Console(stderr=True)
    layout = Layout.from_environment()
    check_space(layout.tools, layout.cache)
    began = time.monotonic()
    done = prepare(layout, console, with_browser=browser)
    what = f"made {', '.join(done)}" if done else "everything is in place"
    console.print(f"farol: {what} ({time.monotonic() - began:.1f} s)")
