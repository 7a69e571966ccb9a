"""The `farol` command: registers the commands and turns expected errors into one clear line.

Each command group lives in a module of its own; nothing but registration belongs here.
"""

import sys
from typing import Final

import typer

from deploy.local import (
    dbt_commands,
    job_commands,
    lake_commands,
    setup_command,
    stack_commands,
)
from deploy.local.dbt import DbtError
from deploy.local.desired_jobs import DesiredJobsError
from deploy.local.flink_rest import FlinkRefusedError, FlinkUnavailableError
from deploy.local.jobs import JobError
from deploy.local.lake import LakeError
from deploy.local.layout import LayoutError
from deploy.local.preflight import PreflightError
from deploy.local.services import UnknownServiceError
from deploy.local.stack import StartError
from deploy.local.supervision import SupervisorError
from deploy.setup.plan import DownloadError, SetupError

EXPECTED_ERRORS: Final = (
    DbtError,
    DesiredJobsError,
    DownloadError,
    FlinkRefusedError,
    FlinkUnavailableError,
    JobError,
    LakeError,
    LayoutError,
    PreflightError,
    SetupError,
    StartError,
    SupervisorError,
    UnknownServiceError,
)

app = typer.Typer(
    name="farol",
    help="Run Farol on this machine: servers, jobs, simulator, lakehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _farol() -> None:
    """Keep `farol` a group of commands."""


app.command()(setup_command.setup)
app.command()(stack_commands.up)
app.command()(stack_commands.down)
app.command()(stack_commands.status)
app.command()(stack_commands.logs)
app.add_typer(job_commands.app, name="jobs")
app.add_typer(lake_commands.app, name="lake")
app.command("dbt", context_settings=dbt_commands.SETTINGS)(dbt_commands.command)


def main() -> None:
    """Run the command line; expected errors end with exit code 1 and say what to do."""
    try:
        app()
    except EXPECTED_ERRORS as error:
        sys.stderr.write(f"farol: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
