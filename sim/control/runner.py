"""Moves one run in a thread of its own and lets others steer it.

STOPPED -> STARTING -> RUNNING -> DRAINING -> PAUSED, then RUNNING again or ENDING -> STOPPED.
Commands wait in line with their caller until the thread does them between two steps, so no run is
touched from outside. Those that take simulated time (drain, end, reset) only set what is wanted.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from sim.control.meter import Meter
from sim.control.status import State, Status, describe
from sim.control.unfinished import unfinished_runs
from sim.control.waiting_line import CommandRefused, CommandTimedOut, WaitingLine
from sim.domain.commands import Command, name_of
from sim.domain.scenario import Scenario
from sim.publishing import snapshots
from sim.publishing.outside import Outside, nothing_outside
from sim.publishing.pacing import Pacer
from sim.publishing.port import Aborted, Port
from sim.publishing.run import CHUNK_MS, Run

_LOG: Final = logging.getLogger("farol.sim")
_PAUSE_S: Final = 0.05
_GIVE_UP_S: Final = 8.0
COMMAND_WITHIN_S: Final = 10.0
_WITH_A_RUN: Final = (State.RUNNING, State.DRAINING, State.PAUSED)


def _nothing_outside(_: Scenario, __: str) -> Outside:
    return nothing_outside()


class Runner:
    """At most one run at a time. All methods may be called from any thread."""

    def __init__(
        self,
        make_port: Callable[[], Port],
        home: Path,
        connect: Callable[[Scenario, str], Outside] = _nothing_outside,
    ) -> None:
        """Stand by.

        Args:
            make_port: Makes the port of a run.
            home: `FAROL_HOME`.
            connect: Makes the services that a scenario names, for a run_id.
        """
        self._make_port = make_port
        self._connect = connect
        self._line = WaitingLine()
        self._home = home
        self._lock = threading.Lock()
        self._state = State.STOPPED
        self._status = Status(state=State.STOPPED)
        self._thread: threading.Thread | None = None
        self._port: Port | None = None
        self._wants_end = False
        self._wants_end_now = False
        self._pacer: Pacer | None = None
        self._must_stop = threading.Event()
        self._unfinished = unfinished_runs(home)

    def status(self) -> Status:
        """Return what is going on now."""
        with self._lock:
            status, state, port = self._status, self._state, self._port
        problem = port.problem() if port is not None else None
        changes: dict[str, object] = {"state": state, "problem": problem}
        if problem is not None:
            changes["events_per_s"] = 0.0
        return msgspec.structs.replace(status, unfinished_runs=self._unfinished, **changes)

    def start(self, scenario: Scenario, run_id: str) -> Status:
        """Begin a run.

        Raises:
            CommandRefused: There is a run already.
        """
        status = Status(
            state=State.STARTING,
            run_id=run_id,
            scenario=scenario.name,
            seed=scenario.seed,
            speed_ratio=scenario.speed_ratio,
        )

        def make(port: Port) -> Run:
            connect = partial(self._connect, scenario, run_id)
            return Run(scenario, run_id, port, self._home, connect=connect)

        return self._begin("start", status, make, State.RUNNING)

    def restore(self, folder: Path) -> Status:
        """Take up a snapshot; the run stands still when it is there.

        Raises:
            CommandRefused: There is a run already.
            SnapshotError: There is no snapshot in the folder.
        """
        snapshot = snapshots.read(folder)
        scenario = snapshot.scenario
        status = Status(
            state=State.STARTING,
            run_id=snapshot.run_id,
            scenario=scenario.name,
            seed=scenario.seed,
            speed_ratio=scenario.speed_ratio,
        )

        def make(port: Port) -> Run:
            connect = partial(self._connect, scenario, snapshot.run_id)
            return Run.resumed(folder, port, self._home, connect=connect)

        return self._begin("restore", status, make, State.PAUSED)

    def _begin(
        self, command: str, status: Status, make: Callable[[Port], Run], then: State
    ) -> Status:
        with self._lock:
            self._need(command, State.STOPPED)
            self._state = State.STARTING
            self._wants_end = self._wants_end_now = False
            self._status = status
            self._port = self._make_port()
            self._thread = threading.Thread(
                target=self._live, args=(make, self._port, then), name="run", daemon=True
            )
            self._thread.start()
        return self.status()

    def execute(self, command: Command, within_s: float = COMMAND_WITHIN_S) -> Status:
        """Apply a command between two steps and return when it is done.

        Raises:
            CommandRefused: There is no run that moves or stands still.
            CommandInvalid: The command names something that cannot be.
            PuppetRefused: An agent cannot do it in its present state.
            CommandTimedOut: The run did not come to it.
        """
        self._ask(name_of(command), lambda run: run.execute(command), within_s)
        return self.status()

    def snapshot(self, name: str, within_s: float = COMMAND_WITHIN_S) -> Path:
        """Write a snapshot of the run that stands still and return its folder.

        Raises:
            CommandRefused: The run does not stand still.
            SnapshotError: There is a snapshot of this name.
            CommandTimedOut: The run did not come to it.
        """
        with self._lock:
            self._need("take a snapshot", State.PAUSED)
        folders: list[Path] = []

        def take(run: Run) -> None:
            folder = run.ledger_path.parent / "snapshots" / name
            run.snapshot(folder)
            folders.append(folder)

        self._ask("snapshot", take, within_s)
        return folders[0]

    def _ask(self, name: str, do: Callable[[Run], object], within_s: float) -> None:
        with self._lock:
            self._need(name, *_WITH_A_RUN)
            asked = self._line.join(do)
        if not asked.is_done(within_s):
            port = self._port
            raise CommandTimedOut(name, within_s, port.problem() if port is not None else None)

    def reset(self) -> Status:
        """End the run without patience; the next can start.

        Trips that have not started are cancelled, those that have are completed at once, and the
        streams are ended. A start that something holds up is given up: nothing has been sent yet.

        Raises:
            CommandRefused: There is no run.
        """
        with self._lock:
            self._need("reset", State.STARTING, *_WITH_A_RUN)
            self._wants_end_now = True
            port = self._port
            if self._state is State.STARTING and port is not None and port.problem() is not None:
                port.abort()
        return self.status()

    def drain(self) -> Status:
        """Let trips finish, at full speed, then stand still.

        Raises:
            CommandRefused: There is no run that could be drained.
        """
        with self._lock:
            self._need("drain", State.RUNNING, State.DRAINING)
            self._state = State.DRAINING
        return self.status()

    def resume(self, within_s: float = COMMAND_WITHIN_S) -> Status:
        """Go on after a drain, and return when it does.

        Raises:
            CommandRefused: The run does not stand still, or is about to end.
            CommandTimedOut: The run did not come to it.
        """
        with self._lock:
            self._need("resume", State.PAUSED)

        def go_on(run: Run) -> None:
            with self._lock:
                self._need("resume", State.PAUSED)
                if self._wants_end or self._wants_end_now:
                    raise CommandRefused("resume", State.ENDING, (State.PAUSED,))
                run.resume()
                self._repace(run, None)
                self._state = State.RUNNING

        self._ask("resume", go_on, within_s)
        return self.status()

    def set_speed(self, speed_ratio: float, within_s: float = COMMAND_WITHIN_S) -> Status:
        """Go on at another speed, 0 is as fast as possible, and return when it does.

        Raises:
            CommandRefused: There is no run.
            CommandTimedOut: The run did not come to it.
        """
        self._ask("set the speed", lambda run: self._repace(run, speed_ratio), within_s)
        return self.status()

    def _repace(self, run: Run, speed_ratio: float | None) -> None:
        """Plan from here on, at the same speed where none is given."""
        pacer = self._pacer
        assert pacer is not None  # noqa: S101 - the thread that moves the run made it
        pacer.set_speed(pacer.speed_ratio if speed_ratio is None else speed_ratio, run.now_ms)

    def end(self) -> Status:
        """Drain, send `stream_end`, close the ledger.

        Raises:
            CommandRefused: There is no run.
        """
        with self._lock:
            self._need("end", State.RUNNING, State.DRAINING, State.PAUSED, State.ENDING)
            self._wants_end = True
            if self._state is State.RUNNING:
                self._state = State.DRAINING
        return self.status()

    def shut_down(self) -> None:
        """Stop at once, for the end of the process.

        The run stays unfinished, its ledger readable.
        """
        self._must_stop.set()
        thread, port = self._thread, self._port
        if thread is None or port is None:
            return
        thread.join(_GIVE_UP_S)
        if thread.is_alive():
            port.abort()
            thread.join(_GIVE_UP_S)

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the run; return whether it has come."""
        if self._thread is not None:
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        return True

    def _need(self, command: str, *allowed: State) -> None:
        if self._state not in allowed:
            raise CommandRefused(command, self._state, allowed)

    def _live(self, make: Callable[[Port], Run], port: Port, then: State) -> None:
        run: Run | None = None
        run_id = self._status.run_id
        try:
            run = make(port)
            _LOG.info("run_started run_id=%s scenario=%s", run_id, run.scenario.name)
            self._set(then, State.STARTING)
            is_ended = self._move(run)
            _LOG.info("run_stopped run_id=%s is_ended=%s", run_id, is_ended)
            error = None
        except Aborted as aborted:
            is_ended, error = False, f"stopped while waiting: {aborted}"
        except (
            Exception
        ) as failure:  # the thread's last frame: whatever it is must reach the status
            _LOG.exception("run_failed run_id=%s", run_id)
            is_ended, error = False, f"{type(failure).__name__}: {failure}"
        if run is not None and not is_ended:
            run.abandon()
        with self._lock:
            self._state = State.STOPPED
            self._port = None
            self._line.turn_away(lambda: CommandRefused("act", State.STOPPED, _WITH_A_RUN))
            self._status = msgspec.structs.replace(
                self._status, events_per_s=0.0, lag_s=0.0, is_ended=is_ended, error=error
            )
        self._unfinished = unfinished_runs(self._home)

    def _move(self, run: Run) -> bool:
        """Move the run until its end, or until the process stops; return whether it ended."""
        self._pacer = pacer = Pacer(run.scenario.speed_ratio, run.now_ms)
        meter = Meter()
        self._note(run, pacer, meter)
        while not self._must_stop.is_set():
            if not self._line.is_empty:
                self._line.serve(run, lambda: self._note(run, pacer, meter))
            if self._state is State.DRAINING and run.is_drained:
                # whoever reads that it stands still shall read where
                self._note(run, pacer, meter)
            state = self._obey(run)
            if state is State.PAUSED:
                run.port.poll()
                if self._line.is_empty:
                    self._must_stop.wait(_PAUSE_S)
            elif state is State.ENDING:
                if self._wants_end_now:
                    run.end_now()
                else:
                    run.end()
                self._note(run, pacer, meter)
                return True
            else:
                self._step(run, pacer, is_paced=state is State.RUNNING)
            if meter.is_due():
                run.publisher.commit()
                self._note(run, pacer, meter)
        run.publisher.commit()
        run.port.flush()
        return False

    def _obey(self, run: Run) -> State:
        """Do what was asked for since the last step and return the state to act in."""
        with self._lock:
            if self._wants_end_now:
                self._state = State.ENDING
                return self._state
            if self._state is State.DRAINING:
                run.begin_drain()
                if run.is_drained:
                    self._state = State.PAUSED
            if self._state is State.PAUSED and self._wants_end:
                self._state = State.ENDING
            return self._state

    def _step(self, run: Run, pacer: Pacer, *, is_paced: bool) -> None:
        if not is_paced:
            run.advance(run.now_ms + CHUNK_MS)
            return
        target_ms = pacer.target_ms(run.now_ms, CHUNK_MS)
        if target_ms > run.now_ms:
            run.advance(target_ms)
        run.port.poll()
        self._must_stop.wait(pacer.rest_s())

    def _note(self, run: Run, pacer: Pacer, meter: Meter) -> None:
        rate = meter.rate(sum(run.publisher.produced.values()))
        status = describe(
            run, self._state, lag_s=pacer.lag_s, events_per_s=rate, speed=pacer.speed_ratio
        )
        with self._lock:
            self._status = status

    def _set(self, state: State, expected: State) -> None:
        with self._lock:
            if self._state is expected:
                self._state = state
