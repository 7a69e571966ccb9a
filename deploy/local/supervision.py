"""Talk to the supervisor: its configuration, its start, its XML-RPC interface, its log.

Programs are never started by the supervisor itself but by `stack`, in dependency order; what dies
afterwards the supervisor starts again. Its socket lies in a short path: the limit is 100 bytes.
"""

import hashlib
import http.client
import os
import re
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from supervisor.xmlrpc import SupervisorTransport

from deploy.local.layout import Layout
from deploy.local.services import MARKER, Service

_MAX_SOCKET_PATH: Final = 90
_START_TIMEOUT_S: Final = 30
_RUNNING_STATES: Final = frozenset({"RUNNING", "STARTING", "BACKOFF"})
_STOPPED_STATES: Final = frozenset({"STOPPED", "EXITED", "FATAL"})
# what a start would otherwise inherit from the caller and services must not depend on
_INHERITED: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "HOSTNAME",
    "FAROL_POSTGRES_URL",
)
_EXITED: Final = re.compile(r"^(\S+ \S+) \w+ exited: (\S+) \((.*)\)$")


class SupervisorError(Exception):
    """The supervisor does not start or does not do what it was asked."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What the supervisor says about one service."""

    name: str
    state: str
    pid: int
    message: str

    @property
    def is_up(self) -> bool:
        """Return whether the supervisor runs it or is about to."""
        return self.state in _RUNNING_STATES


@dataclass(frozen=True, slots=True)
class Exits:
    """How often a service died since the stack was started, and how it did last."""

    count: int = 0
    last: str = ""


def socket_path(layout: Layout) -> Path:
    """Return the path of the control socket, the same for every call with the same home."""
    usual = layout.home / "run" / "supervisor.sock"
    if len(str(usual)) <= _MAX_SOCKET_PATH:
        return usual
    digest = hashlib.sha256(str(layout.home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"farol-{os.getuid()}" / f"{digest}.sock"


def log_path(layout: Layout) -> Path:
    """Return the supervisor's own log, written anew by each start of the stack."""
    return layout.logs / "supervisor.log"


def service_log(layout: Layout, name: str) -> Path:
    """Return the log with everything a service printed."""
    return layout.logs / f"{name}.log"


def _quoted(text: str) -> str:
    # its format has no way to write a quotation mark; paths have none (see `layout`)
    if '"' in text or "\\" in text:
        raise SupervisorError(f"cannot be passed to the supervisor: {text!r}")
    return f'"{text.replace("%", "%%")}"'


def _program(layout: Layout, service: Service) -> str:
    variables = {**service.environment, MARKER: service.name}
    pairs = ",".join(f"{name}={_quoted(value)}" for name, value in variables.items())
    command = " ".join(_quoted(part) for part in service.command)
    return f"""
[program:{service.name}]
command={command}
environment={pairs}
directory={layout.repository}
autostart=false
autorestart=true
startsecs=2
startretries=1000000
stopsignal={service.stop_signal}
stopwaitsecs={service.grace_s}
killasgroup=true
redirect_stderr=true
stdout_logfile={service_log(layout, service.name)}
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=1
"""


def render_configuration(layout: Layout, services: Iterable[Service]) -> str:
    """Return the supervisor's configuration; what all services share is in its own environment."""
    socket = socket_path(layout)
    head = f"""; written by farol on every start
[unix_http_server]
file={socket}
chmod=0700

[supervisord]
logfile={log_path(layout)}
logfile_maxbytes=0
pidfile={layout.home / "run" / "supervisord.pid"}
childlogdir={layout.logs}
directory={layout.repository}
nodaemon=false
minfds=1024
strip_ansi=true

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(_program(layout, service) for service in services)


def base_environment(layout: Layout) -> dict[str, str]:
    """Return the variables that every service gets, whatever the caller's shell has."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **kept,
        "FAROL_HOME": str(layout.home),
        "FAROL_CACHE": str(layout.cache),
        "FAROL_PORT_OFFSET": str(layout.port_offset),
        "FAROL_CHECKPOINT_INTERVAL_S": str(layout.checkpoint_interval_s),
        # compiled once, outside the source tree: a Python worker imports thousands of modules
        "PYTHONPYCACHEPREFIX": str(layout.tools.with_name("pycache")),
        "TZ": "UTC",
    }


def _write_configuration(layout: Layout, services: Iterable[Service]) -> Path:
    config = layout.config / "supervisord.conf"
    text = render_configuration(layout, services)
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text, encoding="utf-8")
    config.chmod(0o600)
    return config


class Supervisor:
    """A connection to the running supervisor of one stack."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        transport = SupervisorTransport(None, None, f"unix://{socket_path(layout)}")
        self._proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    @classmethod
    def connect(cls, layout: Layout) -> Self | None:
        """Return a connection, or None when no supervisor answers."""
        supervisor = cls(layout)
        try:
            supervisor._call("getState")
        except SupervisorError:
            return None
        return supervisor

    @classmethod
    def start(cls, layout: Layout, services: Iterable[Service]) -> Self:
        """Start the supervisor, with no service running, and return a connection.

        Raises:
            SupervisorError: It does not answer in time.
        """
        socket = socket_path(layout)
        socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        socket.unlink(missing_ok=True)
        layout.logs.mkdir(parents=True, exist_ok=True)
        log_path(layout).unlink(missing_ok=True)
        config = _write_configuration(layout, services)
        program = layout.tools / "app" / "bin" / "supervisord"
        result = subprocess.run(
            [str(layout.python("app")), "-P", str(program), "-c", str(config)],
            env={**base_environment(layout), MARKER: "supervisor"},
            capture_output=True,
            text=True,
            timeout=_START_TIMEOUT_S,
            check=False,
        )
        until = time.monotonic() + _START_TIMEOUT_S
        while result.returncode == 0 and time.monotonic() < until:
            supervisor = cls.connect(layout)
            if supervisor is not None:
                return supervisor
            time.sleep(0.1)
        raise SupervisorError(
            f"the supervisor does not start: {(result.stdout + result.stderr).strip()[-500:]}; "
            f"see {log_path(layout)}"
        )

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise SupervisorError(f"{method} {arguments}: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise SupervisorError(f"the supervisor does not answer: {error}") from error

    def states(self) -> dict[str, ProcessState]:
        """Return the state of every service by name."""
        return {
            info["name"]: ProcessState(
                info["name"], info["statename"], info["pid"], info["description"]
            )
            for info in self._call("getAllProcessInfo")
        }

    def reload(self, services: Iterable[Service]) -> None:
        """Take over a changed table for services that are not running."""
        _write_configuration(self._layout, services)
        ((added, changed, removed),) = self._call("reloadConfig")
        stopped = {name for name, state in self.states().items() if state.state in _STOPPED_STATES}
        for name in (*changed, *removed):
            if name in stopped:
                self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            if name in added or name in stopped:
                self._call("addProcessGroup", name)

    def start_service(self, name: str) -> None:
        """Start a service without waiting for it."""
        self._call("startProcess", name, False)

    def stop_service(self, name: str) -> None:
        """Ask a service to stop without waiting for it."""
        self._call("stopProcess", name, False)

    def shut_down(self) -> None:
        """Stop everything that still runs and the supervisor itself."""
        self._call("shutdown")


def exits(layout: Layout) -> dict[str, Exits]:
    """Return how often each service died by itself since the stack was started."""
    try:
        text = log_path(layout).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found: dict[str, Exits] = {}
    for line in text.splitlines():
        match = _EXITED.match(line)
        if match:
            at, name, how = match.groups()
            found[name] = Exits(found.get(name, Exits()).count + 1, f"{how} at {at.split(',')[0]}")
    return found
