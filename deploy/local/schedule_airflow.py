"""`farol airflow ...`: Apache Airflow with the stack's addresses, its state below the stack's own.

Airflow is in an environment of its own (`farol setup --airflow`), as it pins half of what the
others want in other versions. SQLite and one machine: for trying the DAGs and for small
installations; a bigger one points its own Airflow at `deploy/airflow/dags`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import typer

from deploy.local.layout import Layout

_SERVERS: Final = (("api-server",), ("scheduler", "--skip-serve-logs"), ("dag-processor",))
_LOOK_EVERY_S: Final = 1.0
_PARALLELISM: Final = 4
"""One task of each chain at a time, and one to spare."""


class AirflowError(Exception):
    """Airflow is not installed, or ended with an error."""


def program(layout: Layout) -> Path:
    """Return Airflow's command.

    Raises:
        AirflowError: It is not installed.
    """
    path = layout.python("airflow").with_name("airflow")
    if not path.is_file():
        raise AirflowError("Airflow is not installed. Run: farol setup --airflow")
    return path


def environment(layout: Layout) -> dict[str, str]:
    """Return the environment of Airflow; every listener on the loopback interface."""
    home = layout.home / "airflow"
    inherited = {
        name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")
    }
    own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(layout.repository / "deploy" / "airflow" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{layout.url('airflow')}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(layout.port("airflow")),
        "AIRFLOW__API__BASE_URL": layout.url("airflow"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(_PARALLELISM),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    }
    return inherited | layout.variables | own


def prepare(layout: Layout) -> None:
    """Make Airflow's database, or bring an old one up to date.

    Raises:
        AirflowError: It failed; Airflow has said why.
    """
    home = layout.home / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    # Airflow leaves the admin's password and the keys of its tokens there, for all to read
    home.chmod(0o700)
    done = subprocess.run(
        [str(program(layout)), "db", "migrate"],
        env=environment(layout),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise AirflowError(f"Airflow's database in {layout.home / 'airflow'} could not be made")


def serve(layout: Layout) -> None:
    """Run Airflow's page, scheduler and reader of DAGs until Ctrl-C or the end of one of them.

    In place of `airflow standalone`, whose servers of logs listen on all interfaces: on one machine
    the page reads the files itself.

    Raises:
        AirflowError: One of them ended.
    """
    airflow = str(program(layout))
    passwords = layout.home / "airflow" / "simple_auth_manager_passwords.json.generated"
    typer.echo(f"Airflow: {layout.url('airflow')}, user admin, password in {passwords}")
    processes = {
        words[0]: subprocess.Popen(
            [airflow, *words], env=environment(layout), cwd=layout.repository
        )
        for words in _SERVERS
    }
    # a polite kill ends like Ctrl-C: no server is left behind
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while all(process.poll() is None for process in processes.values()):
            time.sleep(_LOOK_EVERY_S)
        ended = next(name for name, process in processes.items() if process.poll() is not None)
        raise AirflowError(f"airflow {ended} ended; what it said is above")
    except KeyboardInterrupt:
        typer.echo("farol: ended")
    finally:
        signal.signal(signal.SIGTERM, before)
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait()


def command(context: typer.Context) -> None:
    """Run Airflow: `farol airflow serve`, or its own `farol airflow dags test farol_lakehouse`."""
    layout = Layout.from_environment()
    path = program(layout)
    if not (layout.home / "airflow" / "airflow.db").is_file():
        prepare(layout)
    if context.args == ["serve"]:
        serve(layout)
        return
    done = subprocess.run(
        [str(path), *context.args], env=environment(layout), cwd=layout.repository, check=False
    )
    if done.returncode:
        raise AirflowError(f"airflow {' '.join(context.args)} ended with {done.returncode}")
