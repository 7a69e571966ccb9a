"""Start, stop and describe the stack: order, readiness, one deadline, clear failures."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local import preflight, processes
from deploy.local.layout import Layout
from deploy.local.probes import NotReadyError
from deploy.local.render import render
from deploy.local.services import Service, services, with_dependencies
from deploy.local.supervision import (
    Exits,
    ProcessState,
    Supervisor,
    SupervisorError,
    exits,
    service_log,
)

DEFAULT_TIMEOUT_S: Final = 300.0
_POLL_S: Final = 0.3
_TAIL_LINES: Final = 25
# a service that dies this often before it was ever ready will not come up by waiting
_EARLY_DEATHS: Final = 3

Report = Callable[[str], None]


class StartError(Exception):
    """A service did not become ready; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One line of `farol status`."""

    name: str
    state: str
    is_ready: bool
    pid: int | None
    restarts: int
    last_exit: str
    port: int
    url: str | None
    rss_mb: int
    detail: str


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a file, or a note that there are none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "(nothing was logged)"
    return "\n".join(text.splitlines()[-lines:]) or "(nothing was logged)"


def choose(
    layout: Layout, names: Sequence[str], without: Sequence[str], report: Report
) -> tuple[Service, ...]:
    """Return the services to start.

    Args:
        layout: The stack.
        names: What the user named; empty means all that are installed.
        without: What the user excluded.
        report: Told about services that are left out because their code is missing.

    Raises:
        UnknownServiceError: A name is no service.
        StartError: A named service is not installed or needs an excluded one.
    """
    table = services(layout)
    excluded = {
        service.name
        for name in without
        for service in with_dependencies(table, [name])
        if service.name == name
    }
    if names:
        chosen = with_dependencies(table, names)
        absent = [s.name for s in chosen if not s.is_installed(layout)]
        if absent:
            raise StartError(f"not part of this checkout: {', '.join(absent)}")
    else:
        chosen = tuple(s for s in table if s.name not in excluded and s.is_installed(layout))
        for service in table:
            if service.name not in excluded and not service.is_installed(layout):
                report(f"{service.name}: not part of this checkout, left out")
    chosen = tuple(s for s in chosen if s.name not in excluded)
    for service in chosen:
        for dependency in service.depends_on:
            if dependency in excluded:
                raise StartError(
                    f"{service.name} needs {dependency}; exclude both or neither "
                    f"(--no {dependency} --no {service.name})"
                )
    return chosen


def up(
    layout: Layout,
    names: Sequence[str] = (),
    without: Sequence[str] = (),
    timeout_s: float = DEFAULT_TIMEOUT_S,
    report: Report = lambda line: None,
) -> tuple[Service, ...]:
    """Start services that do not run yet, and return when all of them answer.

    Raises:
        PreflightError: A port is taken, or tools, memory or disk are missing.
        StartError: A service did not become ready in time.
    """
    chosen = choose(layout, names, without, report)
    supervisor = Supervisor.connect(layout)
    running = supervisor.states() if supervisor else {}
    starting = [s for s in chosen if s.name not in running or not running[s.name].is_up]
    if supervisor is None and processes.of_stack(layout):
        report("an earlier stack did not end properly: stopping what is left of it")
        down(layout, report=report)
    preflight.check(layout, starting)
    if starting:
        render(layout)
        ensure_api_key(layout)
        format_kafka(layout, starting)
    if supervisor is None:
        supervisor = Supervisor.start(layout, services(layout))
    elif starting:
        supervisor.reload(services(layout))
    _Startup(layout, supervisor, chosen, {s.name for s in starting}, timeout_s, report).run()
    return chosen


def ensure_api_key(layout: Layout) -> Path:
    """Return the file with the API key of this stack, made on the first call."""
    path = layout.home / "secrets" / "api_key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = os.environ.get("FAROL_API_KEY") or secrets.token_urlsafe(24)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key)
    return path


def format_kafka(layout: Layout, starting: Iterable[Service]) -> None:
    """Prepare the broker's folder before its first start."""
    if not any(s.name == "kafka" for s in starting):
        return
    if (layout.home / "kafka" / "meta.properties").is_file():
        return
    shutil.rmtree(layout.home / "kafka", ignore_errors=True)
    (layout.home / "kafka").mkdir(parents=True)
    java = layout.java_home("app") / "bin" / "java"
    classpath = f"{layout.tools / 'kafka' / 'lib'}/*"
    command = [
        *(str(java), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", classpath),
        *("kafka.tools.StorageTool", "format", "--ignore-formatted"),
        # one broker: the identifier only has to stay the same; it must not begin like an option
        *("-t", f"F{secrets.token_urlsafe(16)[1:]}"),
        *("-c", str(layout.config / "kafka" / "server.properties")),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if result.returncode:
        raise StartError(f"formatting the broker's folder failed: {result.stderr.strip()[-800:]}")


class _Startup:
    """Starts what is due as soon as its dependencies are ready, all at once where possible."""

    def __init__(
        self,
        layout: Layout,
        supervisor: Supervisor,
        chosen: tuple[Service, ...],
        starting: set[str],
        timeout_s: float,
        report: Report,
    ) -> None:
        self._layout = layout
        self._supervisor = supervisor
        self._chosen = chosen
        self._starting = starting
        self._report = report
        self._timeout_s = timeout_s
        self._began = time.monotonic()
        self._ready: set[str] = set()
        self._started: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._asked: dict[str, Future[str | None]] = {}
        self._deaths_before = {name: e.count for name, e in exits(layout).items()}

    def run(self) -> None:
        """Return when every chosen service is ready."""
        names = {service.name for service in self._chosen}
        with ThreadPoolExecutor(len(names) or 1) as pool:
            while True:
                self._start_due()
                waiting = [s for s in self._chosen if s.name in self._started - self._ready]
                if not waiting:
                    return
                for service in waiting:
                    # a slow probe of one service holds up no other
                    if service.name not in self._asked:
                        self._asked[service.name] = pool.submit(self._ask, service)
                    elif self._asked[service.name].done():
                        self._answered(service, self._asked.pop(service.name).result())
                self._check_for_trouble(waiting)
                time.sleep(_POLL_S)

    def _start_due(self) -> None:
        for service in self._chosen:
            if service.name in self._started or not self._ready.issuperset(service.depends_on):
                continue
            self._started.add(service.name)
            if service.name in self._starting:
                self._supervisor.start_service(service.name)

    def _ask(self, service: Service) -> str | None:
        try:
            service.probe(self._layout)
        except NotReadyError as error:
            return str(error)
        if service.prepare is not None:
            service.prepare(self._layout)
        return None

    def _answered(self, service: Service, reason: str | None) -> None:
        if reason is not None:
            self._reasons[service.name] = reason
            return
        self._ready.add(service.name)
        seconds = time.monotonic() - self._began
        address = f"  {self._layout.url(service.ports[0])}" if service.is_http else ""
        self._report(f"{service.name}: ready after {seconds:.1f} s{address}")

    def _check_for_trouble(self, waiting: Sequence[Service]) -> None:
        deaths = exits(self._layout)
        states = self._supervisor.states()
        late = time.monotonic() - self._began > self._timeout_s
        for service in waiting:
            if service.name in self._ready:
                continue
            died = deaths.get(service.name, Exits()).count - self._deaths_before.get(
                service.name, 0
            )
            state = states[service.name]
            if died >= _EARLY_DEATHS or state.state == "FATAL" or late:
                raise StartError(self._explain(service, state, died))

    def _explain(self, service: Service, state: ProcessState, died: int) -> str:
        log = service_log(self._layout, service.name)
        return (
            f"{service.name} is not ready after {time.monotonic() - self._began:.0f} s "
            f"(state {state.state}, died {died} times; last answer: "
            f"{self._reasons.get(service.name, 'none')}).\n"
            f"--- end of {log}\n{tail(log, _TAIL_LINES)}\n---\n"
            "The services already started keep running: `farol status` shows them, "
            "`farol down` stops them."
        )


def down(layout: Layout, report: Report = lambda line: None) -> int:
    """Stop the stack, in reverse order where a supervisor still answers, and return the count.

    Works with a dead supervisor, stale files and a half-started stack: in the end the processes
    that carry this stack's marker decide.
    """
    before = len(processes.of_stack(layout))
    supervisor = Supervisor.connect(layout)
    if supervisor is not None:
        try:
            _stop_in_reverse(layout, supervisor)
            supervisor.shut_down()
        except SupervisorError as error:
            report(f"the supervisor stopped answering ({error}); signalling processes instead")
        _wait_for(lambda: not processes.of_stack(layout), 10)
    left = processes.of_stack(layout)
    if left:
        names = ", ".join(f"{p.pid}" for p in left)
        report(f"stopping processes that are left: {names}")
        processes.stop(left, grace_s=10)
        # a child may have been born while its parent was stopped
        processes.stop(processes.of_stack(layout), grace_s=2)
    (layout.home / "run" / "supervisord.pid").unlink(missing_ok=True)
    return before


def _stop_in_reverse(layout: Layout, supervisor: Supervisor) -> None:
    table = services(layout)
    remaining = {name for name, state in supervisor.states().items() if state.is_up}
    asked: set[str] = set()
    until = time.monotonic() + max(s.grace_s for s in table) * 2
    while remaining and time.monotonic() < until:
        needed = {d for s in table if s.name in remaining for d in s.depends_on}
        for name in remaining - needed - asked:
            supervisor.stop_service(name)
            asked.add(name)
        time.sleep(_POLL_S / 2)
        states = supervisor.states()
        remaining = {n for n in remaining if states[n].is_up or states[n].state == "STOPPING"}


def _wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


def status(layout: Layout) -> list[ServiceStatus]:
    """Return the state of every service, each asked for a real answer."""
    supervisor = Supervisor.connect(layout)
    states = supervisor.states() if supervisor else {}
    deaths = exits(layout) if supervisor else {}
    table = services(layout)

    def describe(service: Service) -> ServiceStatus:
        state = states.get(service.name)
        reason = "not started"
        ready = False
        if state is not None and state.is_up:
            try:
                service.probe(layout)
                ready, reason = True, ""
            except NotReadyError as error:
                reason = str(error)
        death = deaths.get(service.name, Exits())
        port = layout.port(service.ports[0])
        pid = state.pid if state is not None and state.pid else None
        return ServiceStatus(
            name=service.name,
            state="STOPPED" if state is None else state.state,
            is_ready=ready,
            pid=pid,
            restarts=death.count,
            last_exit=death.last,
            port=port,
            url=layout.url(service.ports[0]) if service.is_http else None,
            rss_mb=processes.memory_mb(pid) if pid else 0,
            detail=reason,
        )

    with ThreadPoolExecutor(len(table)) as pool:
        return list(pool.map(describe, table))
