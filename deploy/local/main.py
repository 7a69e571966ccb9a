"""The `farol` command: a table of commands, imported only when they are used.

Each command lives in a module of its own and is registered by one line of `COMMANDS`: the
clients of the lakehouse alone take seconds to import, and `farol status` shall not wait for them.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import typer


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or group of commands, and where its code is.

    Attributes:
        name: What the user types.
        target: `module:attribute`; a function, or a `typer.Typer` for a group.
        help: One line for the list of commands.
        errors: `module:Class` of errors that are the user's to solve: shown without a trace.
        context: Typer's context settings.
    """

    name: str
    target: str
    help: str
    errors: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)


_STACK_ERRORS: Final = (
    "deploy.local.layout:LayoutError",
    "deploy.local.preflight:PreflightError",
    "deploy.local.services:UnknownServiceError",
    "deploy.local.stack:StartError",
    "deploy.local.supervision:SupervisorError",
    "deploy.local.topics:TopicsError",
    "deploy.local.lake:LakeError",
)
_JOB_ERRORS: Final = (
    "deploy.local.layout:LayoutError",
    "deploy.local.desired_jobs:DesiredJobsError",
    "deploy.local.flink_rest:FlinkRefusedError",
    "deploy.local.flink_rest:FlinkUnavailableError",
    "deploy.local.jobs:JobError",
)
_SETUP_ERRORS: Final = (
    "deploy.local.layout:LayoutError",
    "deploy.local.preflight:PreflightError",
    "deploy.setup.plan:DownloadError",
    "deploy.setup.plan:SetupError",
)
_LAKE_ERRORS: Final = (
    "deploy.local.layout:LayoutError",
    "deploy.local.lake:LakeError",
)
_DBT_ERRORS: Final = ("deploy.local.layout:LayoutError", "deploy.local.dbt:DbtError")
_ANY_OPTIONS: Final = {"allow_extra_args": True, "ignore_unknown_options": True}

COMMANDS: Final = (
    Command(
        "setup",
        "deploy.local.setup_command:setup",
        "Install what is missing, verify what is there.",
        _SETUP_ERRORS,
    ),
    Command(
        "up",
        "deploy.local.stack_commands:up",
        "Start services and wait until each answers.",
        _STACK_ERRORS,
    ),
    Command("down", "deploy.local.stack_commands:down", "Stop everything.", _STACK_ERRORS),
    Command("status", "deploy.local.stack_commands:status", "Show every service.", _STACK_ERRORS),
    Command("logs", "deploy.local.stack_commands:logs", "Print a service's log.", _STACK_ERRORS),
    Command(
        "demo",
        "deploy.local.demo.command:command",
        "Run a city through the whole loop and audit it.",
        (
            *(*_STACK_ERRORS, *_JOB_ERRORS, *_LAKE_ERRORS, *_DBT_ERRORS),
            "deploy.local.demo.command:DemoError",
            "deploy.local.sim_commands:SimClientError",
            "deploy.local.topics:TopicsError",
        ),
    ),
    Command(
        "sim",
        "deploy.local.sim_commands:app",
        "Start, watch and stop runs of the simulator.",
        ("deploy.local.layout:LayoutError", "deploy.local.sim_commands:SimClientError"),
    ),
    Command("jobs", "deploy.local.job_commands:app", "Submit, see and change jobs.", _JOB_ERRORS),
    Command(
        "dlq",
        "deploy.local.dlq.commands:app",
        "Repair malformed records and send them again.",
        ("deploy.local.layout:LayoutError", "deploy.local.dlq.tables:DlqError"),
    ),
    Command(
        "lake",
        "deploy.local.lake_commands:app",
        "Create, build, check and maintain the Iceberg tables.",
        (
            *_LAKE_ERRORS,
            "deploy.local.checks:ReportError",
            "deploy.local.dbt:DbtError",
            "deploy.local.schedule_loop:ScheduleError",
        ),
    ),
    Command("dbt", "deploy.local.dbt_commands:command", "Run dbt.", _DBT_ERRORS, _ANY_OPTIONS),
    Command(
        "docs",
        "deploy.local.docs_command:docs",
        "Show what the tables of the lake are.",
        (*_DBT_ERRORS, "deploy.local.docs_command:DocsError"),
    ),
    Command(
        "airflow",
        "deploy.local.schedule_airflow:command",
        "Run Apache Airflow with the DAGs of the lake.",
        ("deploy.local.layout:LayoutError", "deploy.local.schedule_airflow:AirflowError"),
        {**_ANY_OPTIONS, "help_option_names": []},
    ),
    Command(
        "sql",
        "deploy.local.sql_command:sql",
        "Ask Trino.",
        (
            "deploy.local.layout:LayoutError",
            "deploy.local.queries:QueryError",
            "deploy.local.sql_command:SqlError",
        ),
    ),
    Command("replay", "deploy.local.replay:command", "Send recorded trips to Kafka."),
    Command("audit", "deploy.audit.cli:command", "Account for every record of a run."),
)


def _loaded(target: str) -> Any:
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)


def _is_present(target: str) -> bool:
    try:
        return find_spec(target.split(":")[0]) is not None
    except ModuleNotFoundError:
        return False


def _placeholder() -> None:
    raise AssertionError("a command that was not named was run")


def build(arguments: Sequence[str], commands: Iterable[Command] = COMMANDS) -> typer.Typer:
    """Return the command line, with only the code of the command that the arguments name."""
    app = typer.Typer(
        name="farol",
        help="Run Farol on this machine: servers, jobs, simulator, lakehouse.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)
    for command in commands:
        if not _is_present(command.target):
            continue
        if command.name != next(iter(arguments), None):
            app.command(command.name, help=command.help)(_placeholder)
            continue
        target = _loaded(command.target)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=command.name, help=command.help)
        else:
            app.command(command.name, context_settings=dict(command.context))(target)
    return app


def expected_errors(arguments: Sequence[str]) -> tuple[type[Exception], ...]:
    """Return the errors of the named command that the user can solve."""
    named = next((c for c in COMMANDS if c.name == next(iter(arguments), None)), None)
    return tuple(_loaded(error) for error in named.errors) if named else ()


def main() -> None:
    """Run the command line; expected errors end with exit code 1 and say what to do."""
    arguments = sys.argv[1:]
    app = build(arguments)
    try:
        app(arguments, prog_name="farol")
    except Exception as error:  # only to tell what is the user's to solve from what is ours
        if not isinstance(error, expected_errors(arguments)):
            raise
        sys.stderr.write(f"farol: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
