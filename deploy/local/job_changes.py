"""Changes of running jobs: other arguments, another parallelism, each from a savepoint.

A change ends in one of two ways: the job runs as wanted and has taken a checkpoint of its own, or
it runs as before. Should this process die in between, the keeper finds the job wanted as before,
with the savepoint to resume from.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from deploy.local import desired_jobs
from deploy.local.desired_jobs import DesiredJob, resume_point
from deploy.local.flink_rest import FlinkRefusedError, RunningJob
from deploy.local.jobs import STOP_TIMEOUT_S, JobControl, JobError, running

_PARALLELISM: Final = "--parallelism"


@dataclass(frozen=True, slots=True)
class Change:
    """What came of a change that succeeded."""

    job_id: str
    savepoint: str


def upgrade(control: JobControl, name: str, arguments: Sequence[str] | None = None) -> Change:
    """Stop a job with a savepoint and start the present code from it.

    Args:
        control: The jobs of the stack.
        name: Name of a running job.
        arguments: What the job's `main` gets from now on; as before where None.

    Raises:
        JobError: A step failed; the message says which, and how the job runs now.
    """
    with desired_jobs.locked(control.layout):
        job, before = _present(control, name)
        module, *old = before.arguments
        new = (module, *(old if arguments is None else arguments))
        return _change(control, name, job, before, new)


def rescale(control: JobControl, name: str, parallelism: int) -> Change:
    """Stop a job with a savepoint and start it from there with another parallelism.

    Raises:
        JobError: There are not enough slots, or a step failed.
    """
    with desired_jobs.locked(control.layout):
        job, before = _present(control, name)
        has, free = control.rest.slots_of(job.job_id), control.rest.free_slots()
        if parallelism - has > free:
            raise JobError(
                f"{name} goes on as it is: parallelism {parallelism} needs {parallelism - has} "
                f"slots more, {free} are free. Stop another job, or take at most {has + free}"
            )
        return _change(control, name, job, before, with_parallelism(before.arguments, parallelism))


def with_parallelism(arguments: Sequence[str], parallelism: int) -> tuple[str, ...]:
    """Return a job's arguments with another parallelism."""
    kept: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == _PARALLELISM:
            next(waiting, None)
        elif not argument.startswith(f"{_PARALLELISM}="):
            kept.append(argument)
    return (*kept, _PARALLELISM, str(parallelism))


def _present(control: JobControl, name: str) -> tuple[RunningJob, DesiredJob]:
    job = running(control.rest, name)
    entry = desired_jobs.read(control.layout).get(name)
    if job is None or entry is None:
        raise JobError(f"{name} does not run; farol jobs resume {name} brings it back")
    if not job.is_computing:
        raise JobError(
            f"{name} is {job.state} and cannot take a savepoint now: "
            f"{control.rest.root_cause(job.job_id) or 'not every task runs yet'}"
        )
    return job, entry


def _change(
    control: JobControl, name: str, job: RunningJob, before: DesiredJob, new: tuple[str, ...]
) -> Change:
    # From here on whoever finds this entry without a job brings it back as it was.
    desired_jobs.write(control.layout, name, msgspec.structs.replace(before, is_changing=True))
    try:
        path = control.savepoint_and_stop(name, job)
    except JobError:
        desired_jobs.write(control.layout, name, before)
        raise
    stopped = DesiredJob(arguments=before.arguments, resume_from=path, is_changing=True)
    desired_jobs.write(control.layout, name, stopped)
    control.wait_until_gone(name)
    job_id = ""
    try:
        job_id = control.start(name, new, path)
        control.wait_until_computing(name, job_id)
        control.rest.take_checkpoint(job_id, STOP_TIMEOUT_S)
    except (JobError, FlinkRefusedError) as error:
        _back(control, name, job_id, stopped, error)
    return Change(job_id, path)


def _back(
    control: JobControl, name: str, job_id: str, stopped: DesiredJob, error: Exception
) -> None:
    """Bring the job back as it was, and raise what happened."""
    entry = desired_jobs.read(control.layout)[name]
    if job_id:
        with suppress(FlinkRefusedError):  # it has ended by itself
            control.rest.cancel(job_id)
        control.wait_until_gone(name)
    # A checkpoint that was complete all the same has committed: the savepoint would be too old.
    state = resume_point(control.layout, entry) if job_id else stopped.resume_from
    try:
        old_id = control.start(name, stopped.arguments, state)
        control.wait_until_computing(name, old_id)
    except JobError as second:
        raise JobError(
            f"the change of {name} failed: {error}\n"
            f"It could not be brought back as it was either: {second}\n"
            f"Its state is in {state}; the keeper goes on trying"
        ) from error
    raise JobError(f"{name} runs as before (job {old_id}); the change failed: {error}") from error
