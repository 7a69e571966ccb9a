"""A stack for tests, driven through the `farol` command, on free ports in a temporary home.

It imports nothing that only the `app` environment has, so tests in `flink` can use it too.
"""

import fcntl
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contracts.ports import DEFAULT_PORTS, port

ROOT = Path(__file__).resolve().parents[1]
# above the services of users, below the range of ports the kernel gives to clients
_OFFSETS = range(11000, 22000)
_PORTS = sorted(DEFAULT_PORTS.values())
# no two offsets that are multiples of this put two services on one port
_STEP = next(
    n for n in itertools.count(20) if all((a - b) % n for a in _PORTS for b in _PORTS if a > b)
)


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


@dataclass
class TestStack:
    """A stack in a temporary home. `up` starts services and what they need, and is repeatable."""

    __test__ = False
    home: Path
    port_offset: int
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """Return the environment for subprocesses that shall use this stack."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FAROL_")}
        if "FAROL_CACHE" in os.environ:
            clean["FAROL_CACHE"] = os.environ["FAROL_CACHE"]
        own = {"FAROL_HOME": str(self.home), "FAROL_PORT_OFFSET": str(self.port_offset)}
        return {**clean, **own, **self.settings}

    def run(
        self, *arguments: str, check: bool = True, timeout_s: float = 700
    ) -> subprocess.CompletedProcess[str]:
        """Run a `farol` command against this stack; a failure fails the test with its output."""
        result = subprocess.run(
            [str(ROOT / "farol"), *arguments],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and result.returncode:
            pytest.fail(f"farol {' '.join(arguments)} failed:\n{result.stdout}\n{result.stderr}")
        return result

    def up(self, *services: str) -> None:
        """Start services with their dependencies and wait until they answer."""
        self.run("up", *services, "--timeout", "600")

    def down(self) -> None:
        """Stop everything."""
        self.run("down")

    def status(self) -> dict[str, dict[str, Any]]:
        """Return `farol status --json` by service name."""
        return {row["name"]: row for row in json.loads(self.run("status", "--json").stdout)}

    def port(self, service: str) -> int:
        """Return a port of this stack, by its name in `contracts.ports`."""
        return port(service, self.port_offset)

    def url(self, service: str) -> str:
        """Return the HTTP address of a service."""
        return f"http://127.0.0.1:{self.port(service)}"

    @property
    def kafka(self) -> str:
        """Return the broker's address."""
        return f"127.0.0.1:{self.port('kafka')}"

    @property
    def api_key(self) -> str:
        """Return the API key, which the first `up` makes."""
        return (self.home / "secrets" / "api_key").read_text(encoding="utf-8")


def _stop_orphans(lock: Any, offset: int) -> None:
    """Stop the stack of a test run that was killed: its lock is free, but names a home."""
    lock.seek(0)
    home = lock.read().strip()
    if home and Path(home).is_dir():
        TestStack(Path(home), offset).run("down", check=False)
        shutil.rmtree(home, ignore_errors=True)


def reserve_stack(settings: dict[str, str]) -> tuple["TestStack", Any]:
    """Return a stack on a free offset, and the open lock that keeps other test runs from it."""
    folder = Path(tempfile.gettempdir()) / f"farol-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for offset in _OFFSETS[::_STEP]:
        lock = (folder / f"offset-{offset}.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _stop_orphans(lock, offset)
        if all(_is_free(number + offset) for number in _PORTS):
            home = Path(tempfile.mkdtemp(prefix="farol-test-")).resolve()
            lock.truncate(0)
            lock.write(str(home))
            lock.flush()
            return TestStack(home, offset, settings), lock
        lock.close()
    pytest.fail("no free port offset; are stacks of earlier runs left? see `ps` for FAROL_SERVICE")
