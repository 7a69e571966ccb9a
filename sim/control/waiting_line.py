"""Where commands wait for the thread that moves the run, and callers for their commands."""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field

from sim.control.status import State
from sim.domain.errors import SimError
from sim.publishing.run import Run


class CommandRefused(SimError):  # noqa: N818 - the name says what happened
    """A command came in a state that does not take it."""

    def __init__(self, command: str, state: State, allowed: tuple[State, ...]) -> None:
        self.command = command
        self.state = state
        self.allowed = allowed
        names = ", ".join(allowed)
        super().__init__(f"cannot {command} while {state}: possible while {names}")


class CommandTimedOut(SimError):  # noqa: N818 - the name says what happened
    """The run did not come to a command in time."""

    def __init__(self, command: str, within_s: float, problem: str | None) -> None:
        self.command = command
        reason = problem or "the simulator is busy with a step"
        super().__init__(f"{command} was not applied within {within_s:g} s: {reason}")


class CommandBroke(SimError):  # noqa: N818 - the name says what happened
    """The run failed while it did what a command asks."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__(f"the run has failed: {type(failure).__name__}: {failure}")


@dataclass(slots=True)
class Asked:
    """Something to do with the run between two steps."""

    do: Callable[[Run], object]
    done: Future[object] = field(default_factory=Future)

    def is_done(self, within_s: float) -> bool:
        """Wait until it is done; False if nobody came to it in time, and nobody will.

        Raises:
            SimError: It could not be done.
        """
        try:
            self.done.result(within_s)
        except FutureTimeout:
            if self.done.cancel():
                return False
            self.done.result()
        return True


class WaitingLine:
    """First come, first served; any thread may join, one serves."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[Asked] = queue.SimpleQueue()

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return self._asked.empty()

    def join(self, do: Callable[[Run], object]) -> Asked:
        """Put something in line."""
        asked = Asked(do)
        self._asked.put(asked)
        return asked

    def serve(self, run: Run, note: Callable[[], None]) -> None:
        """Do all that waits, one after another.

        Args:
            run: The run, between two steps.
            note: Called when something is done, before its caller goes on.

        Raises:
            BaseException: Whatever is no refusal, after its caller has been told.
        """
        while not self._asked.empty():
            asked = self._asked.get()
            if not asked.done.set_running_or_notify_cancel():
                continue
            try:
                result = asked.do(run)
                note()
                asked.done.set_result(result)
            except SimError as error:
                asked.done.set_exception(error)
            except (
                BaseException
            ) as failure:  # nobody else tells the caller, who would wait for ever
                asked.done.set_exception(CommandBroke(failure))
                raise

    def turn_away(self, refusal: Callable[[], SimError]) -> None:
        """Refuse all who still wait."""
        while not self._asked.empty():
            asked = self._asked.get()
            if asked.done.set_running_or_notify_cancel():
                asked.done.set_exception(refusal())
