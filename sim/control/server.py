"""The simulator's control server.

Start, watch, drain and end a run over HTTP on the loopback address.

Every endpoint but `/healthz`, `/readyz` and `/metrics` needs the key in `X-API-Key`. Errors are
`{"error": ..., "hint": ...}`.
"""

import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from contracts import ledger, metrics
from sim.control import scenarios
from sim.control.runner import Runner
from sim.control.status import Status
from sim.control.waiting_line import CommandBroke, CommandRefused, CommandTimedOut
from sim.domain.commands import AgentCommand, CommandInvalid, PuppetRefused
from sim.domain.errors import ScenarioError
from sim.publishing.run import new_run_id
from sim.publishing.snapshots import SnapshotError

_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_KEY_HEADER: Final = "X-API-Key"


class StartRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /runs`: a scenario by name or in full, and what to change in it."""

    scenario: str | None = None
    config: dict[str, Any] | None = None
    speed: Annotated[float, msgspec.Meta(ge=0, le=10_000)] | None = None
    seed: int | None = None
    faults: dict[str, Any] | None = None
    overrides: dict[str, Any] = {}
    run_id: str | None = None


class SpeedRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /speed`; 0 is as fast as possible."""

    speed: Annotated[float, msgspec.Meta(ge=0, le=10_000)]


class SnapshotRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /snapshots`: a name, which becomes a folder beside the run's ledger."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,64}$")] = "latest"


class RestoreRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /restore`: the run and the name of its snapshot."""

    run_id: str
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,64}$")] = "latest"


def build(runner: Runner, api_key: str, home: Path) -> FastAPI:
    """Return the application around a runner."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(runner.shut_down)

    app = FastAPI(title="Farol simulator", lifespan=lifespan)

    @app.middleware("http")
    async def check_key(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        given = request.headers.get(_KEY_HEADER, "")
        if request.url.path not in _OPEN_PATHS and not secrets.compare_digest(
            given.encode(), api_key.encode()
        ):
            hint = f"send it in {_KEY_HEADER}; it is in $FAROL_HOME/secrets/api_key"
            return _problem(401, "missing or wrong API key", hint)
        return await call_next(request)

    _add_probes(app, runner)
    _add_commands(app, runner)
    _add_steering(app, runner, home)
    return app


def _add_probes(app: FastAPI, runner: Runner) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        """Answer while the process lives."""
        return _json(200, {"status": "alive"})

    @app.get("/readyz")
    def readyz() -> Response:
        """Answer 200 while commands can be followed, 503 with the reason while a run is held up."""
        status = runner.status()
        body = {"state": status.state, "problem": status.problem}
        return _json(200 if status.problem is None else 503, body)

    @app.get("/metrics")
    def read_metrics() -> Response:
        """Answer counters of the current run in Prometheus' text form."""
        return Response(_metrics(runner.status()), media_type="text/plain; version=0.0.4")


def _add_commands(app: FastAPI, runner: Runner) -> None:
    @app.get("/status")
    def status() -> Response:
        """Answer what is going on."""
        return _json(200, runner.status())

    @app.get("/scenarios")
    def list_scenarios() -> Response:
        """Answer the names that `POST /runs` knows."""
        return _json(200, {"scenarios": scenarios.names()})

    @app.post("/runs")
    async def start(request: Request) -> Response:
        """Start a run."""
        try:
            wanted = msgspec.json.decode(await request.body() or b"{}", type=StartRequest)
            scenario = _scenario(wanted)
            run_id = str(uuid.UUID(wanted.run_id)) if wanted.run_id else new_run_id()
        except (msgspec.DecodeError, ScenarioError, ValueError) as error:
            return _problem(422, str(error), "see sim/README.md for the fields of a scenario")
        return _obey(lambda: runner.start(scenario, run_id), 201)

    @app.post("/speed")
    async def set_speed(request: Request) -> Response:
        """Change the pace of the current run; the answer comes when it is changed."""
        try:
            wanted = msgspec.json.decode(await request.body() or b"{}", type=SpeedRequest)
        except msgspec.DecodeError as error:
            return _problem(422, str(error), 'send {"speed": 20}')
        return await run_in_threadpool(_obey, lambda: runner.set_speed(wanted.speed), 200)

    @app.post("/drain")
    def drain() -> Response:
        """Begin a drain; `/status` says PAUSED when no trip is in flight."""
        return _obey(runner.drain, 202)

    @app.post("/resume")
    def resume() -> Response:
        """Go on after a drain; the answer comes when it does."""
        return _obey(runner.resume, 200)

    @app.post("/end")
    def end() -> Response:
        """Begin the end; `/status` says STOPPED with `is_ended` when the ledger is closed."""
        return _obey(runner.end, 202)


def _add_steering(app: FastAPI, runner: Runner, home: Path) -> None:
    @app.post("/reset")
    def reset() -> Response:
        """End the run at once; `/status` says STOPPED when it has ended."""
        return _obey(runner.reset, 202)

    @app.post("/agents")
    async def steer(request: Request) -> Response:
        """Add, remove or steer an agent; the answer comes when it is done."""
        try:
            command = msgspec.json.decode(await request.body() or b"{}", type=AgentCommand)
        except msgspec.DecodeError as error:
            return _problem(422, str(error), "the commands are in docs/simulator.md")
        return await run_in_threadpool(_obey, lambda: runner.execute(command), 200)

    @app.post("/snapshots")
    async def snapshot(request: Request) -> Response:
        """Write a snapshot of the run that stands still."""
        try:
            wanted = msgspec.json.decode(await request.body() or b"{}", type=SnapshotRequest)
        except msgspec.DecodeError as error:
            return _problem(422, str(error), 'send {"name": "before-the-storm"}')
        return await run_in_threadpool(
            _obey, lambda: {"snapshot": str(runner.snapshot(wanted.name))}, 201
        )

    @app.post("/restore")
    async def restore(request: Request) -> Response:
        """Take up a snapshot; `/status` says PAUSED when the run is where it was."""
        try:
            wanted = msgspec.json.decode(await request.body() or b"{}", type=RestoreRequest)
            run_id = str(uuid.UUID(wanted.run_id))
        except (msgspec.DecodeError, ValueError) as error:
            return _problem(422, str(error), 'send {"run_id": "...", "name": "latest"}')
        folder = (home / ledger.relative_path(run_id)).parent / "snapshots" / wanted.name
        return await run_in_threadpool(_obey, lambda: runner.restore(folder), 202)


def _scenario(wanted: StartRequest) -> Any:
    overrides = dict(wanted.overrides)
    if wanted.speed is not None:
        overrides["speed_ratio"] = wanted.speed
    if wanted.seed is not None:
        overrides["seed"] = wanted.seed
    if wanted.faults is not None:
        overrides["faults"] = wanted.faults
    if wanted.config is not None:
        if wanted.scenario is not None:
            raise ScenarioError("give scenario or config, not both")
        return scenarios.from_value(wanted.config, "config", overrides)
    return scenarios.named(wanted.scenario or "demo", overrides)


def _obey(command: Callable[[], Any], success: int) -> Response:
    try:
        return _json(success, command())
    except CommandRefused as refused:
        return _problem(409, str(refused), "look at GET /status")
    except PuppetRefused as refused:
        return _json(
            409, {"error": str(refused), "hint": "look at allowed", "allowed": refused.allowed}
        )
    except CommandTimedOut as late:
        return _problem(504, str(late), "look at `problem` in GET /status, then ask again")
    except CommandBroke as broke:
        return _problem(500, str(broke), "look at `error` in GET /status")
    except CommandInvalid as invalid:
        return _problem(422, str(invalid), "the commands are in docs/simulator.md")
    except SnapshotError as failed:
        return _problem(422, str(failed), "snapshots lie beside the run's ledger")


def _metrics(status: Status) -> str:
    lines = []
    for metric in (metrics.SIM_EVENTS, metrics.SIM_CLOCK_LAG, metrics.SIM_TRIPS):
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        if metric is metrics.SIM_EVENTS:
            for topic, kinds in status.produced.items():
                lines += [
                    f'{metric.name}{{topic="{topic}",kind="{kind}"}} {records}'
                    for kind, records in kinds.items()
                ]
        elif metric is metrics.SIM_CLOCK_LAG:
            lines.append(f"{metric.name} {status.lag_s}")
        else:
            lines += [f'{metric.name}{{state="{s}"}} {n}' for s, n in status.trips.items()]
    return "\n".join(lines) + "\n"


def _json(code: int, body: Any) -> Response:
    return Response(msgspec.json.encode(body), status_code=code, media_type="application/json")


def _problem(code: int, error: str, hint: str) -> Response:
    return _json(code, {"error": error, "hint": hint})
