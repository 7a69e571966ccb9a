"""Runs the chains of `deploy.local.schedule` on this machine, for a stack without Airflow.

APScheduler decides when; each task is a `farol` command of its own, as a person would type it, and
its output goes to a log.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from deploy.local.layout import Layout
from deploy.local.schedule import CHAINS, Chain, Task

_RETRY_AFTER_S: Final = 30.0
_GRACE_S: Final = 30.0
"""Longer than `farol dbt` gives its dbt to cancel its queries."""
_SHOWN_LINES: Final = 5
_LOG_BYTES: Final = 10 * 2**20
Say = Callable[[str], None]


class ScheduleError(Exception):
    """A chain is unknown, or one that was run at once has failed."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One task that ended."""

    chain: str
    task: str
    exit_code: int
    seconds: float


def chain_named(name: str) -> Chain:
    """Return a chain.

    Raises:
        ScheduleError: There is none of this name.
    """
    for chain in CHAINS:
        if chain.name == name:
            return chain
    raise ScheduleError(
        f"there is no chain {name!r}; chains are: {', '.join(chain.name for chain in CHAINS)}"
    )


class Runner:
    """Runs chains as subprocesses of the `farol` command of one stack."""

    def __init__(self, layout: Layout, say: Say, retry_after_s: float = _RETRY_AFTER_S) -> None:
        self._layout = layout
        self._say = say
        self._retry_after_s = retry_after_s
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    @property
    def is_stopping(self) -> bool:
        """Return whether no task is begun any more."""
        return self._stopping.is_set()

    def run(self, chain: Chain) -> list[Ran]:
        """Run a chain to its end or its first task that fails for good, and return what ran."""
        until = time.monotonic() + chain.limit_minutes * 60
        done: list[Ran] = []
        for task in chain.tasks:
            for attempt in range(chain.retries + 1):
                if self._stopping.is_set():
                    return done
                ran = self._once(chain, task, until)
                self._tell(ran)
                if ran.exit_code == 0 or attempt == chain.retries:
                    break
                self._stopping.wait(self._retry_after_s)
            done.append(ran)
            if ran.exit_code:
                self._say(f"{chain.name} ended at {task.name}; the next run tries again")
                break
        return done

    def stop(self) -> None:
        """Begin nothing more and interrupt what runs: dbt cancels its queries."""
        self._stopping.set()
        with self._lock:
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGINT)

    def wait(self, seconds: float) -> bool:
        """Return whether it was told to stop within this time."""
        return self._stopping.wait(seconds)

    def _once(self, chain: Chain, task: Task, until: float) -> Ran:
        began = time.monotonic()
        log = self._log(chain, task)
        with log.open("ab") as output:
            output.write(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode())
            output.flush()
            with self._lock:
                process = subprocess.Popen(
                    [str(self._layout.repository / "farol"), *task.command],
                    cwd=self._layout.repository,
                    env=os.environ | self._layout.variables,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C reaches this process alone, which ends the task in order
                    start_new_session=True,
                )
                self._running.add(process)
            try:
                exit_code = process.wait(max(1.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{chain.name}.{task.name} has taken too long and is ended")
                exit_code = _ended(process)
            finally:
                with self._lock:
                    self._running.discard(process)
        return Ran(chain.name, task.name, exit_code, time.monotonic() - began)

    def _tell(self, ran: Ran) -> None:
        what = "ok" if ran.exit_code == 0 else f"failed with exit code {ran.exit_code}"
        self._say(f"{ran.chain}.{ran.task} {what} ({ran.seconds:.1f} s)")
        if ran.exit_code and not self.is_stopping:
            log = self._logs / f"{ran.chain}-{ran.task}.log"
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in lines[-_SHOWN_LINES:]:
                self._say(f"  | {line}")
            self._say(f"  all of it: {log}")

    @property
    def _logs(self) -> Path:
        return self._layout.logs / "chains"

    def _log(self, chain: Chain, task: Task) -> Path:
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{chain.name}-{task.name}.log"
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        return log


def _ended(process: subprocess.Popen[bytes]) -> int:
    _signal(process, signal.SIGINT)
    try:
        return process.wait(_GRACE_S) or 1
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        return process.wait() or 1
    finally:
        _signal(process, signal.SIGKILL)  # what the task has left behind


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a task and to all that it has started: each task is a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def run_at_once(runner: Runner, chains: Iterable[Chain]) -> None:
    """Run chains now, one after the other, all of them even if one fails.

    Raises:
        ScheduleError: One has failed.
    """
    failed = []
    for chain in chains:
        done = runner.run(chain)
        if len(done) < len(chain.tasks) or any(ran.exit_code for ran in done):
            failed.append(chain.name)
    if failed:
        raise ScheduleError(f"{', '.join(failed)} failed; what and why is told above")


def run_for_ever(runner: Runner, chains: Iterable[Chain], *, is_now: bool, say: Say) -> None:
    """Run chains at their times until SIGINT or SIGTERM.

    Args:
        runner: Runs them.
        chains: One run of each at a time; one that was missed while another went on runs once.
        is_now: Run each at once as well.
        say: Told when each comes next.
    """
    wanted = list(chains)
    scheduler = BackgroundScheduler(
        timezone=UTC, executors={"default": ThreadPoolExecutor(len(wanted))}
    )
    for chain in wanted:
        trigger = CronTrigger.from_crontab(chain.cron, timezone=UTC)
        first = datetime.now(UTC) if is_now else trigger.get_next_fire_time(None, datetime.now(UTC))
        scheduler.add_job(
            runner.run,
            trigger,
            args=(chain,),
            id=chain.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=first,
        )
        say(f"{chain.name}: next {first:%Y-%m-%d %H:%M} UTC, then {chain.cron} (cron, UTC)")

    def stop(_signal: int, _frame: FrameType | None) -> None:
        runner.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    scheduler.start()
    try:
        while not runner.wait(1.0):
            pass
        say("stopping")
    finally:
        scheduler.shutdown(wait=True)
        for number, handler in before.items():
            signal.signal(number, handler)
