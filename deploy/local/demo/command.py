"""`farol demo`: start everything, run the city, end it properly, prove the answer, stop it all."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from contracts.timestamps import epoch_ms, rfc3339
from deploy.local import preflight, processes, stack
from deploy.local.demo.observe import JobLag, Observer
from deploy.local.demo.screen import Rates, summary
from deploy.local.jobs import JobControl
from deploy.local.layout import Layout
from deploy.local.services import services
from deploy.local.sim_commands import SimClient

_LIVE_SERVICES: Final = (
    *("kafka", "redis", "catalog", "jobmanager", "taskmanager"),
    *("feeder", "keeper", "api", "sim"),
)
_FIRST_JOB: Final = "live_positions"
_OTHER_JOBS: Final = ("ingest_bronze", "surge", "gps_anomalies", "region_windows")
_SCENARIO: Final = "demo"
_ONE_HOUR_MS: Final = 3_600_000
_FIRST_BUILD_AFTER_S: Final = 120.0
_START_TIMEOUT_S: Final = 120.0
_MOVING_TIMEOUT_S: Final = 180.0
_END_TIMEOUT_S: Final = 900.0
_CAUGHT_UP_TIMEOUT_S: Final = 600.0
# beside the running stream only the models are built; the last build tests them all
_WITHOUT_TESTS: Final = ("--exclude-resource-type", "test", "unit_test")
_QUERIES: Final = ("trip_funnel", "busiest_zones", "revenue_by_payment_method")


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


def command(
    minutes: Annotated[
        float, typer.Option(envvar="DEMO_MINUTES", min=0.5, help="Minutes of moving drivers.")
    ] = 5.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the stack and a running city up until Ctrl-C.")
    ] = False,
) -> None:
    """Run a city through the whole loop and audit it; exit 0 only if the audit is clean."""
    layout = Layout.from_environment()
    console = Console(soft_wrap=True)
    _fresh_home(layout)
    demo = _Demo(layout, console, minutes * 60)
    # a polite kill ends like Ctrl-C: everything is stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        is_clean = demo.run()
        if keep:
            demo.keep_running()
    except KeyboardInterrupt:
        demo.say("interrupted")
        raise typer.Exit(130) from None
    finally:
        demo.say("stopping everything that was started ...")
        stopped = stack.down(layout, demo.say)
        demo.say(f"{stopped} processes stopped; logs and data stay in {layout.home}")
    if not is_clean:
        demo.say("the audit found differences (above)")
        raise typer.Exit(1)


def _fresh_home(layout: Layout) -> None:
    """Make way for a new state folder; the one before is kept once, for a look back.

    Raises:
        DemoError: A stack is running in it, or the folder is not one of ours.
    """
    if processes.of_stack(layout):
        raise DemoError(
            f"a stack is running in {layout.home}: stop it with `farol down`, "
            "or set FAROL_HOME and FAROL_PORT_OFFSET to run a second one beside it"
        )
    if not layout.home.exists() or not any(layout.home.iterdir()):
        return
    if not (layout.home / "config").is_dir():
        raise DemoError(
            f"{layout.home} holds something else than a stack: "
            "set FAROL_HOME to a folder that is empty or does not exist"
        )
    before = layout.home.with_name(f"{layout.home.name}-previous")
    shutil.rmtree(before, ignore_errors=True)
    try:
        layout.home.rename(before)
    except OSError as error:
        raise DemoError(
            f"{layout.home} cannot be moved out of the way ({error.strerror}): set FAROL_HOME to a "
            "folder that is empty or does not exist"
        ) from error


class _Demo:
    """One run of the demo; every step says what it does and how long it took."""

    def __init__(self, layout: Layout, console: Console, run_s: float) -> None:
        self._layout = layout
        self._console = console
        self._run_s = run_s
        self._began = time.monotonic()
        self._pool = ThreadPoolExecutor(2)
        self._later: list[Future[None]] = []

    def say(self, line: str) -> None:
        """Print one line with the seconds since the start."""
        seconds = time.monotonic() - self._began
        self._console.print(f"[{seconds:6.1f} s] {line}", highlight=False, markup=False)

    def run(self) -> bool:
        """Return whether the audit of the run is clean."""
        layout = self._layout
        # a taken port of Trino shall not end the demo in its third minute
        preflight.check(layout, services(layout))
        self.say(f"starting the live side: {', '.join(_LIVE_SERVICES)}")
        stack.up(layout, _LIVE_SERVICES, report=self.say)
        control = JobControl(layout)
        self._submit(control, _FIRST_JOB)
        city = SimClient(layout)
        run_id = self._start_city(city)
        self.say(f"the city runs as {run_id}")
        observer = Observer(layout)
        self._wait_for_movement(observer)
        moving_since = time.monotonic()
        self.say(f"drivers move on the map: {layout.url('api')}")
        self.say(f"Flink dashboard: {layout.url('flink')}")
        self._later.append(self._pool.submit(self._bring_up_the_rest, control))
        self._watch(observer, moving_since)
        self._end(observer, city)
        self._build("last")
        is_clean = self._audit(run_id)
        self._queries()
        return is_clean

    def keep_running(self) -> None:
        """Start a new city and wait for Ctrl-C."""
        city = SimClient(self._layout)
        ended_ms = epoch_ms(str(city.status()["sim_time"]))
        # event time never goes back: a city of the same morning would be late for every job
        run_id = self._start_city(city, {"start_time": rfc3339(ended_ms + _ONE_HOUR_MS)})
        self.say(f"a new city runs as {run_id}; the stack stays up until Ctrl-C")
        for name in ("api", "flink", "trino"):
            self.say(f"  {name}: {self._layout.url(name)}")
        self.say('  in another terminal: ./farol status, ./farol sql "...", ./farol audit')
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            self.say("Ctrl-C: ending")

    def _start_city(self, city: SimClient, changes: dict[str, str] | None = None) -> str:
        city.start(scenario=_SCENARIO, overrides=changes)
        return str(city.wait("RUNNING", timeout_s=_START_TIMEOUT_S)["run_id"])

    def _submit(self, control: JobControl, name: str) -> None:
        began = time.monotonic()
        control.wait_until_computing(name, control.submit(name))
        self.say(f"job {name} runs (submitted in {time.monotonic() - began:.1f} s)")

    def _bring_up_the_rest(self, control: JobControl) -> None:
        for name in _OTHER_JOBS:
            self._submit(control, name)
        stack.up(self._layout, ("trino",), report=self.say)

    def _wait_for_movement(self, observer: Observer) -> None:
        until = time.monotonic() + _MOVING_TIMEOUT_S
        first: dict[str, tuple[float, float]] = {}
        while time.monotonic() < until:
            now = observer.positions()
            if any(first.get(entity, place) != place for entity, place in now.items()):
                return
            first = first or now
            time.sleep(0.3)
        raise DemoError(
            f"no driver moved within {_MOVING_TIMEOUT_S:.0f} s: see `farol status` and "
            "`farol logs feeder`, `farol logs sim`"
        )

    def _watch(self, observer: Observer, moving_since: float) -> None:
        first_build_at = moving_since + min(_FIRST_BUILD_AFTER_S, self._run_s / 2)
        build: Future[None] | None = None
        rates = Rates()
        with self._screen() as draw:
            while (elapsed_s := time.monotonic() - moving_since) < self._run_s:
                now = observer.snapshot()
                sent = rates.update(now.city.get("produced", {}), elapsed_s)
                draw(summary(now, sent, elapsed_s, self._run_s))
                self._raise_failures()
                if build is None and time.monotonic() >= first_build_at and self._is_up():
                    build = self._pool.submit(self._build, "first", *_WITHOUT_TESTS)
                    self._later.append(build)
                time.sleep(1.0)
        for future in self._later:
            future.result()
        if build is None:
            self._build("first", *_WITHOUT_TESTS)

    def _is_up(self) -> bool:
        return self._later[0].done()

    def _raise_failures(self) -> None:
        for future in self._later:
            if future.done():
                future.result()

    @contextmanager
    def _screen(self) -> Iterator[Callable[[RenderableType], None]]:
        """Give a function that shows a summary: in place on a terminal, now and then in a log."""
        if self._console.is_terminal:
            with Live(console=self._console, refresh_per_second=2) as live:
                yield live.update
            return
        shown_at = 0.0

        def print_now_and_then(table: RenderableType) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at >= 20:
                shown_at = time.monotonic()
                self._console.print(table)

        yield print_now_and_then

    def _end(self, observer: Observer, city: SimClient) -> None:
        self.say("ending the run: no new requests, trips finish, every stream is closed")
        city.command("end")
        ended = city.wait("STOPPED", timeout_s=_END_TIMEOUT_S)
        self.say(
            f"the city ended at {ended['sim_time']}: {ended['records_total']:,} records, "
            f"{ended['trips_started_total']:,} trips"
        )
        self.say("waiting until every job has read everything")
        until = time.monotonic() + _CAUGHT_UP_TIMEOUT_S
        while not _are_all(jobs := observer.jobs(), lambda job: job.has_read_everything):
            if time.monotonic() > until:
                raise DemoError(
                    f"a job still has unread records after {_CAUGHT_UP_TIMEOUT_S:.0f} s: "
                    + ", ".join(f"{job.name} {job.lag_records}" for job in jobs)
                )
            time.sleep(1.0)
        read_at = {job.job_id: job.checkpoints for job in jobs}
        self.say("waiting for the checkpoint that makes the last records visible in Bronze")
        # the checkpoint under way may have begun before the last record
        while not _are_all(
            observer.jobs(), lambda job: job.checkpoints >= read_at.get(job.job_id, 0) + 2
        ):
            if time.monotonic() > until:
                raise DemoError("no checkpoint completed in time: see the Flink dashboard")
            time.sleep(1.0)

    def _build(self, which: str, *options: str) -> None:
        log = self._layout.logs / f"dbt-{which}.log"
        self.say(f"dbt: {which} build of Silver and Gold (log {log})")
        began = time.monotonic()
        with log.open("wb") as output:
            result = subprocess.run(
                [
                    *(str(self._layout.python("app")), "-m", "deploy.local.main"),
                    *("dbt", "build", *options),
                ],
                cwd=self._layout.repository,
                env=os.environ | {"NO_COLOR": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode:
            raise DemoError(f"dbt build failed:\n{stack.tail(log, 25)}")
        self.say(f"dbt: {which} build done in {time.monotonic() - began:.0f} s")

    def _audit(self, run_id: str) -> bool:
        self.say("audit: truth = Kafka = Bronze + DLQ = Silver + removed = Gold; stream = truth")
        result = subprocess.run(
            [
                *(str(self._layout.python("app")), "-m", "deploy.local.main"),
                *("audit", "--run", run_id),
            ],
            cwd=self._layout.repository,
            check=False,
        )
        return result.returncode == 0

    def _queries(self) -> None:
        for name in _QUERIES:
            self.say(f"Gold: farol sql --name {name}")
            result = subprocess.run(
                [
                    *(str(self._layout.python("app")), "-m", "deploy.local.main"),
                    *("sql", "--name", name),
                ],
                cwd=self._layout.repository,
                check=False,
            )
            if result.returncode:
                raise DemoError(f"Gold does not answer {name}: the reason is above")


def _are_all(jobs: Sequence[JobLag], holds: Callable[[JobLag], bool]) -> bool:
    """Return whether every job of the demo is listed and something holds for it."""
    ready = {job.name for job in jobs if holds(job)}
    return ready >= {_FIRST_JOB, *_OTHER_JOBS}
