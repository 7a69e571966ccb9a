"""`farol docs`: what the tables of the lake are, made by dbt and served on the loopback interface.

Three pages and nothing else of the state folder: dbt's own (tables, columns, lineage), and the
report of the checks where something was built.
"""

import shutil
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.local import checks, dbt, lake_report
from deploy.local.layout import Layout
from deploy.local.schedule_commands import sizes_of

_CONTENT: Final = ("static_index.html", "index.html")
"""What dbt calls its page that holds everything, and what a browser asks for."""
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; connect-src 'self'"
)
"""dbt's page would ask outside hosts for fonts and statistics."""
_REPORT: Final = "checks.html"


class DocsError(Exception):
    """The pages cannot be made or served."""


class Pages(SimpleHTTPRequestHandler):
    """Serves one folder, with a policy that keeps browsers from asking anybody else."""

    def end_headers(self) -> None:
        """Add the policy to every answer."""
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Show no folders."""
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the terminal for the address."""


def make(layout: Layout) -> Path:
    """Make the pages and return their folder.

    Raises:
        DocsError: dbt has made none.
        DbtError: dbt cannot run.
    """
    dbt.run(layout, ("docs", "generate", "--static"), lambda line: typer.echo(line, err=True))
    made = dbt.folder(layout) / "target" / _CONTENT[0]
    if not made.is_file():
        raise DocsError(f"dbt has not made {made}; its log: {dbt.folder(layout)}/logs/dbt.log")
    site = dbt.folder(layout) / "site"
    site.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, site / _CONTENT[1])
    try:
        lake_report.write(dbt.folder(layout), site / _REPORT, sizes_of(layout))
    except checks.ReportError:
        (site / _REPORT).unlink(missing_ok=True)
    return site


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a folder on the loopback interface; port 0 takes a free one.

    Raises:
        DocsError: The port is taken.
    """
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Pages, directory=str(site)))
    except OSError as error:
        raise DocsError(
            f"port {port} cannot be used ({error.strerror}); is `farol docs` running already? "
            "Choose another with --port, 0 for any"
        ) from error


def docs(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 takes any; by default 8580 + offset.")
    ] = None,
    is_made: Annotated[
        bool, typer.Option("--no-generate", help="Serve what was made before.")
    ] = False,
    is_only_made: Annotated[
        bool, typer.Option("--no-serve", help="Make the pages, print where, and end.")
    ] = False,
) -> None:
    """Make the documentation of the tables and serve it on this machine until Ctrl-C."""
    layout = Layout.from_environment()
    site = dbt.folder(layout) / "site"
    if not is_made:
        site = make(layout)
    elif not (site / _CONTENT[1]).is_file():
        raise DocsError(f"nothing was made yet in {site}; leave --no-generate out")
    if is_only_made:
        typer.echo((site / _CONTENT[1]).as_uri())
        return
    with server(site, layout.port("docs") if port is None else port) as pages:
        for name, path in _addresses(site).items():
            typer.echo(f"{name}: http://127.0.0.1:{pages.server_port}{path}")
        typer.echo("Ctrl-C ends it")
        try:
            pages.serve_forever()
        except KeyboardInterrupt:
            typer.echo("farol: ended")


def _addresses(site: Path) -> Mapping[str, str]:
    found = {"tables and columns": "/", "lineage": "/#!/overview?g_v=1"}
    if (site / _REPORT).is_file():
        found["checks"] = f"/{_REPORT}"
    return found
