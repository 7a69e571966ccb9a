"""Checks before a start: tools, ports, memory, disk. Each failure says what to do."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from deploy.local import processes
from deploy.local.layout import Layout
from deploy.local.services import Service
from deploy.setup.plan import missing_tools

_FREE_DISK_MB: Final = 3000
# part of the memory the services may use must be free; the rest the kernel can give back
_MEMORY_MARGIN: Final = 1.1


class PreflightError(Exception):
    """The machine is not ready for a start."""


def check(layout: Layout, starting: Sequence[Service]) -> None:
    """Check all that can be known before services are started.

    Raises:
        PreflightError: Something is missing or taken.
    """
    check_tools(layout)
    check_ports(layout, starting)
    check_memory(starting)
    check_disk(layout)


def check_tools(layout: Layout) -> None:
    """Want the toolchain as the repository asks for it."""
    missing = missing_tools(layout)
    if missing:
        raise PreflightError(f"not installed or out of date: {', '.join(missing)}. Run: make setup")


def check_ports(layout: Layout, starting: Sequence[Service]) -> None:
    """Want every port of the services to be free."""
    taken = {listener.port: listener for listener in processes.listeners()}
    problems = []
    for service in starting:
        for name in service.ports:
            listener = taken.get(layout.port(name))
            if listener is not None:
                problems.append(f"port {listener.port} ({name}) is taken by {_owner(listener.pid)}")
    if problems:
        raise PreflightError(
            f"{'; '.join(problems)}. Stop that process, or set FAROL_PORT_OFFSET "
            f"(now {layout.port_offset}) to another number, such as {layout.port_offset + 1000}"
        )


def _owner(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        process = psutil.Process(pid)
        return f"pid {pid} ({' '.join(process.cmdline()[:2])[:80] or process.name()})"
    except psutil.Error:
        return f"pid {pid}"


def check_memory(starting: Sequence[Service]) -> None:
    """Want enough free memory for the services."""
    needed_mb = int(sum(service.memory_mb for service in starting) * _MEMORY_MARGIN)
    available_mb = int(psutil.virtual_memory().available / 2**20)
    if available_mb < needed_mb:
        names = ", ".join(service.name for service in starting)
        raise PreflightError(
            f"{names} need about {needed_mb} MB of memory, {available_mb} MB are available. "
            "Close other programs, or start fewer services (farol up --no trino)"
        )


def check_disk(layout: Layout) -> None:
    """Want some free disk where the state is kept."""
    _want_free(layout.home, "set FAROL_HOME to a folder on a larger disk")


def check_space(tools: Path, cache: Path) -> None:
    """Want some free disk where tools and downloads will be.

    Raises:
        PreflightError: There is too little; later, a full disk would look like a bad download.
    """
    _want_free(cache, "set FAROL_CACHE to a folder on a larger disk")
    _want_free(tools, "clone to a larger disk")


def _want_free(folder: Path, remedy: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free_mb = int(shutil.disk_usage(folder).free / 2**20)
    if free_mb < _FREE_DISK_MB:
        raise PreflightError(
            f"{folder} has {free_mb} MB of free disk, {_FREE_DISK_MB} MB are needed. "
            f"Free some, or {remedy}"
        )
