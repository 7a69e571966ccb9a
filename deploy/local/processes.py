"""Find and signal the processes of one stack, and only these.

Every supervised process carries the name of its service and the stack's home in its environment;
children inherit both. A shell in which somebody exported FAROL_HOME carries no service name.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

from deploy.local.layout import Layout
from deploy.local.services import MARKER


@dataclass(frozen=True, slots=True)
class Listener:
    """A process that listens on a port."""

    port: int
    address: str
    pid: int | None


def of_stack(layout: Layout) -> list[psutil.Process]:
    """Return the living processes of this stack, the supervisor first."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            environment = process.environ()
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
        except (psutil.Error, OSError):
            continue
        if MARKER in environment and environment.get("FAROL_HOME") == str(layout.home):
            found.append((environment[MARKER] != "supervisor", process.pid, process))
    return [process for _, _, process in sorted(found, key=lambda item: item[:2])]


def stop(processes: Iterable[psutil.Process], grace_s: float) -> int:
    """Terminate the processes, kill what remains after the grace, return how many there were."""
    alive = list(processes)
    for process in alive:
        _signal(process.terminate)
    _, remaining = psutil.wait_procs(alive, timeout=grace_s)
    for process in remaining:
        _signal(process.kill)
    psutil.wait_procs(remaining, timeout=10)
    return len(alive)


def _signal(action: Callable[[], None]) -> None:
    try:
        action()
    except psutil.NoSuchProcess:
        return


def memory_mb(pid: int) -> int:
    """Return the resident memory of a process and its children; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        total = process.memory_info().rss
        for child in process.children(recursive=True):
            total += child.memory_info().rss
    except psutil.Error:
        return 0
    return int(total / 2**20)


def listeners() -> list[Listener]:
    """Return every listening TCP socket of the machine; the pid is None where it is not ours."""
    return [
        Listener(connection.laddr.port, connection.laddr.ip, connection.pid)
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    ]
