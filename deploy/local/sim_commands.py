"""`farol sim start | status | speed | drain | resume | end`, and `run | compare`.

The first are a client of the simulator's control server, the others runs of their own.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
import yaml
from rich.console import Console
from rich.table import Table

from deploy.local.layout import Layout

app = typer.Typer(help="Start, watch, drain and end runs of the simulator.", no_args_is_help=True)

_KEY_HEADER: Final = "X-API-Key"
_ASK_EVERY_S: Final = 0.5
_ANSWER_WITHIN_S: Final = 30.0


class SimClientError(Exception):
    """The simulator refused a command or does not answer; the message says what to do."""


class SimClient:
    """Speaks to the control server of one stack."""

    def __init__(self, layout: Layout) -> None:
        self._url = f"http://127.0.0.1:{layout.port('sim')}"
        key_path = layout.home / "secrets" / "api_key"
        try:
            self._key = key_path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SimClientError(f"no API key in {key_path}: run `farol up sim` first") from error

    def status(self) -> dict[str, Any]:
        """Return what the simulator says about itself."""
        return self._ask("GET", "/status")

    def start(self, **wanted: Any) -> dict[str, Any]:
        """Start a run; the fields are those of `POST /runs`, those that are None are left out."""
        return self._ask("POST", "/runs", {k: v for k, v in wanted.items() if v is not None})

    def command(self, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give `drain`, `resume`, `end` or `speed`."""
        return self._ask("POST", f"/{name}", body)

    def wait(self, *states: str, timeout_s: float) -> dict[str, Any]:
        """Return the status as soon as it is in one of the states.

        Raises:
            SimClientError: The run failed, or the time is over.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            status = self.status()
            if status["state"] in states:
                return status
            if status["state"] == "STOPPED" and status["error"]:
                raise SimClientError(f"run {status['run_id']} failed: {status['error']}")
            if time.monotonic() > until_s:
                problem = status["problem"] or f"still {status['state']}"
                raise SimClientError(
                    f"not {' or '.join(states)} within {timeout_s:.0f} s: {problem}"
                )
            time.sleep(_ASK_EVERY_S)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = httpx.request(
                method,
                f"{self._url}{path}",
                json=body,
                headers={_KEY_HEADER: self._key},
                timeout=_ANSWER_WITHIN_S,
                trust_env=False,
            )
        except httpx.TransportError as error:
            raise SimClientError(
                f"no simulator answers at {self._url} ({error}): run `farol up sim`,"
                " see `farol logs sim`"
            ) from error
        try:
            value: dict[str, Any] = answer.json()
        except ValueError as error:
            raise SimClientError(
                f"{self._url}{path} answered {answer.status_code} without JSON: is another"
                " program on this port?"
            ) from error
        if answer.is_error:
            raise SimClientError(f"{value.get('error')} ({value.get('hint', path)})")
        return value


def _client() -> SimClient:
    return SimClient(Layout.from_environment())


@app.command()
def start(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario.")] = "demo",
    config: Annotated[
        Path | None, typer.Option(help="A YAML file instead of a named scenario.", dir_okay=False)
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="Times real time; 0 is as fast as possible.", min=0)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed than the scenario's.")] = None,
    no_faults: Annotated[
        bool, typer.Option("--no-faults", help="Publish a perfect stream.")
    ] = False,
) -> None:
    """Start a run and return when it runs."""
    client = _client()
    client.start(
        scenario=None if config else scenario,
        config=_read(config) if config else None,
        speed=speed,
        seed=seed,
        overrides={"faults": None} if no_faults else None,
    )
    status = client.wait("RUNNING", "DRAINING", "PAUSED", timeout_s=120)
    typer.echo(f"run {status['run_id']} of scenario {status['scenario']} runs")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what the simulator is doing."""
    now = _client().status()
    if as_json:
        typer.echo(json.dumps(now, indent=1))
        return
    console = Console()
    console.print(
        f"{now['state']}  run {now['run_id']}  {now['sim_time']}  speed {now['speed_ratio']:g}"
        f"  lag {now['lag_s']:.1f} s  {now['events_per_s']:.0f} events/s"
    )
    for field in ("problem", "error"):
        if now[field]:
            console.print(f"{field}: {now[field]}", markup=False)
    if now["unfinished_runs"]:
        console.print(f"runs without an end: {', '.join(now['unfinished_runs'])}")
    table = Table("topic", "clean", "duplicate", "malformed", "control")
    for topic, kinds in now["produced"].items():
        table.add_row(topic, *(str(kinds.get(kind, 0)) for kind in _KINDS))
    console.print(table)
    trips = "  ".join(f"{state} {count}" for state, count in now["trips"].items() if count)
    console.print(f"trips: {trips or 'none'}; drivers online: {now['active_drivers']}")


_KINDS: Final = ("clean", "duplicate", "malformed", "control")


@app.command()
def speed(ratio: Annotated[float, typer.Argument(min=0)]) -> None:
    """Change the pace of the run; 0 is as fast as possible."""
    _client().command("speed", {"speed": ratio})


@app.command()
def drain(timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 600) -> None:
    """Let no new requests in, finish all trips at full speed, then stand still."""
    client = _client()
    client.command("drain")
    now = client.wait("PAUSED", timeout_s=timeout)
    typer.echo(f"run {now['run_id']} stands still at {now['sim_time']}, no trip in flight")


@app.command()
def resume() -> None:
    """Go on after a drain."""
    _client().command("resume")


@app.command()
def end(timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 600) -> None:
    """Drain, send `stream_end` and close the run's ledger."""
    client = _client()
    client.command("end")
    now = client.wait("STOPPED", timeout_s=timeout)
    if not now["is_ended"]:
        raise SimClientError(f"run {now['run_id']} stopped without an end: {now['error']}")
    typer.echo(f"run {now['run_id']} ended, {now['records_total']} records, ledger {now['ledger']}")


@app.command()
def reset(timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 120) -> None:
    """End the run at once: what has not started is cancelled, what has is completed."""
    client = _client()
    client.command("reset")
    now = client.wait("STOPPED", timeout_s=timeout)
    how = f"ended at {now['sim_time']}" if now["is_ended"] else f"was given up: {now['error']}"
    typer.echo(f"run {now['run_id']} {how}")


@app.command()
def agent(
    command: Annotated[
        str,
        typer.Argument(
            help="add_driver, add_rider, remove_driver, remove_rider, go_online, go_offline,"
            " drive_to, request, accept, reject or cancel."
        ),
    ],
    agent_id: Annotated[str, typer.Argument(help="Whom it is for.")],
    fields: Annotated[
        list[str] | None, typer.Argument(help="The command's fields, e.g. lat=-23.55 lon=-46.63.")
    ] = None,
) -> None:
    """Add, remove or steer a driver or rider: see docs/simulator.md."""
    body: dict[str, Any] = {"type": command, "agent_id": agent_id}
    for field in fields or []:
        name, equals, value = field.partition("=")
        if not equals:
            raise SimClientError(f"{field!r} is no field: write name=value, e.g. home_zone_id=78")
        body[name] = yaml.safe_load(value)
    _client().command("agents", body)


@app.command()
def snapshot(
    name: Annotated[str, typer.Argument(help="Name of the snapshot.")] = "latest",
) -> None:
    """Write a snapshot of the run that stands still (drain it first)."""
    typer.echo(_client().command("snapshots", {"name": name})["snapshot"])


@app.command()
def restore(
    run_id: Annotated[str, typer.Argument(help="The run.")],
    name: Annotated[str, typer.Argument(help="Name of the snapshot.")] = "latest",
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 600,
) -> None:
    """Take a snapshot up again; the run then stands still: `resume` lets it go on."""
    client = _client()
    client.command("restore", {"run_id": run_id, "name": name})
    now = client.wait("PAUSED", timeout_s=timeout)
    typer.echo(f"run {now['run_id']} stands still at {now['sim_time']}")


_PASS_ON: Final = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}


@app.command(context_settings=_PASS_ON)
def run(context: typer.Context) -> None:
    """Make one run here, to files or Kafka: SCENARIO --until 4h --out DIR|kafka; see --help."""
    _simulate("run", context.args)


@app.command(context_settings=_PASS_ON)
def compare(context: typer.Context) -> None:
    """Tell two scenarios apart: A B --replications 10 --until 4h; see --help."""
    _simulate("compare", context.args)


@app.command(context_settings=_PASS_ON)
def repeat(context: typer.Context) -> None:
    """Live a recorded run again, byte for byte: RUN_FOLDER --out DIR; see --help."""
    _simulate("repeat", context.args)


def _simulate(command: str, arguments: list[str]) -> None:
    """Run the simulator in a process of its own and pass on how it ended."""
    layout = Layout.from_environment()
    environment = os.environ | {
        "FAROL_HOME": str(layout.home),
        "FAROL_PORT_OFFSET": str(layout.port_offset),
        "PYTHONPATH": str(layout.repository),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "sim.main", command, *arguments], env=environment, check=False
    )
    if ended.returncode:
        raise typer.Exit(ended.returncode)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SimClientError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(value, dict):
        raise SimClientError(f"{path} holds no mapping: see sim/scenarios for examples")
    return value
