"""A Redis and an API of their own for tests, on free ports, in a temporary folder."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from contracts.ports import port
from tests.stack_control import reserve_stack

ROOT = Path(__file__).resolve().parents[3]
REDIS_SERVER = ROOT / ".farol" / "tools" / "bin" / "redis-server"
KEY = "test-key-0123456789"
DEADLINE_S = 60.0

T = TypeVar("T")


def until(question: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Return the first answer that is true; fail the test if none comes."""
    end = time.monotonic() + deadline_s
    while not (answer := question()):
        assert time.monotonic() < end, f"{what}: not within {deadline_s:g} s"
        time.sleep(0.05)
    return answer


@dataclass
class Servers:
    """Starts and stops real processes; `settings` are variables of the API's environment."""

    home: Path
    offset: int
    settings: dict[str, str] = field(default_factory=dict)
    redis_process: subprocess.Popen[bytes] | None = None
    api_process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{port('api', self.offset)}"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{port('redis', self.offset)}/0"

    @property
    def redis(self) -> Redis:
        return Redis(port=port("redis", self.offset))

    def start_redis(self) -> None:
        number = port("redis", self.offset)
        options = [
            "--port",
            str(number),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.home),
        ]
        with (self.home / "redis.log").open("ab") as log:
            self.redis_process = subprocess.Popen([REDIS_SERVER, *options], stdout=log)
        until(self._redis_answers, "redis answers")

    def start_api(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FAROL_")}
        environment |= {
            "FAROL_HOME": str(self.home),
            "FAROL_PORT_OFFSET": str(self.offset),
            "FAROL_API_KEY": KEY,
            **self.settings,
        }
        with (self.home / "api.log").open("ab") as log:
            self.api_process = subprocess.Popen(
                [sys.executable, "-P", "-m", "api.main"],
                cwd=ROOT,
                env=environment | {"PYTHONPATH": str(ROOT)},
                stderr=log,
            )
        until(lambda: self._status("/healthz") == 200, "the API answers")

    def stop_redis(self) -> None:
        _stop(self.redis_process)

    def stop(self) -> None:
        _stop(self.api_process)
        _stop(self.redis_process)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask the API, with the key unless headers say otherwise."""
        sent = headers or {"X-API-Key": KEY}
        return httpx.get(self.address + path, headers=sent, timeout=30, trust_env=False)

    def api_log(self) -> str:
        return (self.home / "api.log").read_text(encoding="utf-8")

    def _redis_answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except RedisConnectionError:
            return False

    def _status(self, path: str) -> int:
        assert self.api_process is not None
        assert self.api_process.poll() is None, self.api_log()
        try:
            return self.get(path).status_code
        except httpx.TransportError:
            return 0


@contextlib.contextmanager
def running(settings: dict[str, str] | None = None, *, has_redis: bool = True) -> Iterator[Servers]:
    """Start a Redis (unless the settings name another) and an API, and stop them at the end."""
    reserved, lock = reserve_stack({})
    made = Servers(reserved.home, reserved.port_offset, settings or {})
    try:
        if has_redis:
            made.start_redis()
        made.start_api()
        yield made
    finally:
        made.stop()
        lock.truncate(0)
        lock.close()
        shutil.rmtree(made.home, ignore_errors=True)


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
