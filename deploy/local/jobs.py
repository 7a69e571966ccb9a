"""Submit, stop and restore Flink jobs: the one code behind `farol jobs` and the keeper.

There are never two copies of a job: submissions are made under a lock, each with an identifier
that is written down before Flink hears of it, and a running job of the same name is refused.
`job_changes` builds upgrades upon this, `job_health` tells how the jobs are.
"""

import re
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.local import desired_jobs
from deploy.local.desired_jobs import DesiredJob, newest_savepoint, resume_point
from deploy.local.flink_rest import (
    FlinkRefusedError,
    FlinkRest,
    FlinkUnavailableError,
    RunningJob,
)
from deploy.local.layout import Layout
from deploy.local.savepoints import (
    SavedStateError,
    check_is_newest,
    commits_by_table,
    read_state,
)
from deploy.local.supervision import service_log

JOBS_PACKAGE: Final = "flink_jobs.jobs"
STOP_TIMEOUT_S: Final = 180.0
RUNNING_TIMEOUT_S: Final = 180.0
_PRINTED: Final = "org.apache.flink.client.python.PythonDriver "
# "TypeError: ...", "package.module.SomeError: ...", "surge: error: ..."
_ERROR_LINE: Final = re.compile(r"^[\w.]+(Error|Exception|Exit)?: \S")
_CAUSE: Final = "Caused by:"
# Kafka or the catalog may come a moment later; after this many failures it is worth telling
_FAILURES_TOLD: Final = 3


class JobError(Exception):
    """A job cannot be submitted or stopped; the message says why and what to do."""


def known_jobs(layout: Layout) -> tuple[str, ...]:
    """Return the names of the jobs in this checkout."""
    folder = layout.repository.joinpath(*JOBS_PACKAGE.split("."))
    return tuple(sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_")))


def check_known(layout: Layout, name: str) -> None:
    """Want a job of this name in the checkout.

    Raises:
        JobError: There is none.
    """
    known = known_jobs(layout)
    if name not in known:
        listed = ", ".join(known) or f"none ({JOBS_PACKAGE} has no modules)"
        raise JobError(f"there is no job {name!r}; jobs are: {listed}")


def running(rest: FlinkRest, name: str) -> RunningJob | None:
    """Return the job of this name that has not ended, if there is one."""
    return next((job for job in rest.jobs() if job.name == name and not job.has_ended), None)


class JobControl:
    """What can be done with the jobs of one stack."""

    def __init__(self, layout: Layout, rest: FlinkRest | None = None) -> None:
        self.layout = layout
        self.rest = rest or FlinkRest(layout.url("flink"))
        self._plans = layout.home / "flink" / "plans"

    def submit(
        self,
        name: str,
        arguments: Sequence[str] = (),
        *,
        start_from: str | None = None,
        is_fresh: bool = False,
        module: str | None = None,
    ) -> str:
        """Start a job and return its identifier; it resumes from its newest state if it has any.

        Args:
            name: Name of the job, which is also its `pipeline.name`.
            arguments: What the job's `main` gets.
            start_from: Path of a checkpoint or savepoint to start from instead.
            is_fresh: Start without any state.
            module: Python module; by default the job's own below `flink_jobs.jobs`.

        Raises:
            JobError: The job is unknown, runs already, or Flink refuses it; the state is not there
                or older than what the lake holds.
        """
        if module is None:
            check_known(self.layout, name)
        with desired_jobs.locked(self.layout):
            before = desired_jobs.read(self.layout).get(name)
            state = start_from or (resume_point(self.layout, before) if before else None)
            module = module or f"{JOBS_PACKAGE}.{name}"
            return self.start(name, (module, *arguments), None if is_fresh else state)

    def resume(self, name: str, *, start_from: str | None = None) -> str:
        """Start a job as it was started last, from its newest state, and return its identifier.

        Raises:
            JobError: It never ran, runs already, has no state, or cannot be submitted.
        """
        with desired_jobs.locked(self.layout):
            before = desired_jobs.read(self.layout).get(name)
            if before is None:
                check_known(self.layout, name)
                raise JobError(f"{name} never ran here: farol jobs submit {name}")
            state = start_from or resume_point(self.layout, before)
            if state is None:
                raise JobError(
                    f"{name} has no checkpoint or savepoint to resume from; "
                    f"start it anew: farol jobs submit {name}"
                )
            return self.start(name, before.arguments, state)

    def restore(self, name: str) -> str | None:
        """Bring back a wanted job that is not there; None when it is, or is no longer wanted."""
        # The keeper does not wait for a submission or an upgrade that is under way.
        with desired_jobs.locked(self.layout, timeout_s=0):
            job = desired_jobs.read(self.layout).get(name)
            if job is None or not job.is_wanted or running(self.rest, name):
                return None
            state = resume_point(self.layout, job)
            # a submission that timed out may still be on its way: under the same identifier
            # Flink takes it only once
            is_unheard_of = state == job.resume_from and job.job_id not in {
                listed.job_id for listed in self.rest.jobs()
            }
            new_id = job.job_id if is_unheard_of else ""
            return self.start(name, job.arguments, state, new_id, plan=self._plan(job.job_id))

    def _plan(self, job_id: str) -> Path | None:
        plan = self._plans / job_id
        return plan if job_id and plan.is_file() else None

    def start(
        self,
        name: str,
        arguments: tuple[str, ...],
        state: str | None,
        job_id: str = "",
        *,
        plan: Path | None = None,
    ) -> str:
        """Submit a job and return its identifier; the caller holds the lock.

        Args:
            name: Name of the job.
            arguments: Its module and what the module's `main` gets.
            state: What it resumes from.
            job_id: Identifier, of a submission that is made again.
            plan: What the same job was planned as before; it saves Python and the planner. One that
                Flink refuses is removed, so the next start plans again.

        Raises:
            JobError: It runs already, the state cannot be used, or Flink refuses it.
        """
        present = running(self.rest, name)
        if present is not None:
            raise JobError(
                f"{name} runs already (job {present.job_id}, {present.state}); "
                f"stop it first: farol jobs stop {name}"
            )
        before = desired_jobs.read(self.layout).get(name)
        self._check_state(name, state)
        wanted = DesiredJob(
            arguments=arguments, job_id=job_id or secrets.token_hex(16), resume_from=state
        )
        log = service_log(self.layout, "jobmanager")
        log_size = log.stat().st_size if log.exists() else 0
        desired_jobs.write(self.layout, name, wanted)
        try:
            if plan is not None:
                self.rest.run_plan(wanted.job_id, plan, state)
            else:
                self.rest.run(wanted.job_id, ("-pym", *arguments), state)
        except FlinkRefusedError as error:
            if plan is not None:
                plan.unlink(missing_ok=True)
            # the JobManager is alive and said no: nothing runs under the new identifier
            desired_jobs.write(self.layout, name, before or DesiredJob(is_wanted=False))
            raise JobError(
                f"{name} was refused: {reason_of(str(error), log, log_size)}\n"
                "The whole story: farol logs jobmanager -n 200"
            ) from error
        self._remove_old_plans()
        return wanted.job_id

    def _remove_old_plans(self) -> None:
        current = {job.job_id for job in desired_jobs.read(self.layout).values()}
        for plan in self._plans.glob("*"):
            if plan.name not in current:
                plan.unlink(missing_ok=True)

    def _check_state(self, name: str, state: str | None) -> None:
        if state is None:
            return
        try:
            saved = read_state(state)
            if saved is not None:
                check_is_newest(saved, commits_by_table(self.layout.url("catalog")))
        except SavedStateError as error:
            raise JobError(f"{name} is not started: {error}") from error

    def wait_until_computing(
        self, name: str, job_id: str, timeout_s: float = RUNNING_TIMEOUT_S
    ) -> None:
        """Return when every task of a submitted job runs.

        Raises:
            JobError: It failed, ended, restarts again and again, or does not run in time.
        """
        until = time.monotonic() + timeout_s
        job = None
        while time.monotonic() < until:
            job = next((j for j in self.rest.jobs() if j.job_id == job_id), None)
            if job is not None and (job.is_computing or job.state == "FINISHED"):
                return
            if job is not None and job.has_ended:
                raise JobError(f"{name} is {job.state}: {self.rest.root_cause(job_id)}")
            if job is not None and len(self.rest.failures_ms(job_id)) >= _FAILURES_TOLD:
                raise JobError(
                    f"{name} is submitted (job {job_id}) but fails again and again: "
                    f"{self.rest.root_cause(job_id)}\nFlink goes on trying, less and less often. "
                    f"Mend the cause, or stop it: farol jobs stop {name} --no-savepoint"
                )
            time.sleep(0.3)
        state = job.state if job else "not listed"
        raise JobError(
            f"{name} is submitted (job {job_id}, {state}) but not every task runs after "
            f"{timeout_s:.0f} s: see the dashboard at {self.layout.url('flink')}"
        )

    def stop(self, name: str, *, with_savepoint: bool = True) -> str | None:
        """Stop a job for good and return the path of its savepoint, if one was asked for.

        Raises:
            JobError: The job does not run or the savepoint fails; a job whose savepoint failed
                goes on.
        """
        with desired_jobs.locked(self.layout):
            job = running(self.rest, name)
            entry = desired_jobs.read(self.layout).get(name)
            if job is None:
                if entry is None:
                    check_known(self.layout, name)
                elif entry.is_wanted:
                    desired_jobs.write(self.layout, name, _unwanted(entry, entry.resume_from))
                raise JobError(f"{name} does not run; farol jobs list shows what does")
            entry = entry or DesiredJob(arguments=(f"{JOBS_PACKAGE}.{name}",), job_id=job.job_id)
            if not with_savepoint:
                desired_jobs.write(self.layout, name, _unwanted(entry, entry.resume_from))
                self.rest.cancel(job.job_id)
                self.wait_until_gone(name)
                return None
            path = self.savepoint_and_stop(name, job)
            stopped = DesiredJob(
                arguments=entry.arguments, is_wanted=False, job_id="", resume_from=path
            )
            desired_jobs.write(self.layout, name, stopped)
            self.wait_until_gone(name)
            return path

    def savepoint_and_stop(self, name: str, job: RunningJob) -> str:
        """Stop a job with a savepoint and return its path; the caller holds the lock.

        Raises:
            JobError: The savepoint failed; the job goes on.
        """
        try:
            return self.rest.stop_with_savepoint(job.job_id, STOP_TIMEOUT_S)
        except FlinkRefusedError as error:
            raise JobError(f"{name} goes on: {_first_line(str(error))}") from error

    def wait_until_gone(self, name: str) -> None:
        """Return when no job of this name runs.

        Raises:
            JobError: It does not end.
        """
        until = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < until:
            if running(self.rest, name) is None:
                return
            time.sleep(0.3)
        raise JobError(f"{name} was asked to stop and still runs; see the dashboard")

    def forget(self, name: str, job_id: str, *, has_finished: bool) -> None:
        """Note that a job ended as somebody wanted it to, so that nobody brings it back.

        What finished has read all its input: the next submission starts anew.
        """
        with desired_jobs.locked(self.layout, timeout_s=0):
            entry = desired_jobs.read(self.layout).get(name)
            # an upgrade may have put another job in its place meanwhile
            if entry is None or not entry.is_wanted or entry.job_id != job_id:
                return
            savepoint = newest_savepoint(self.layout, job_id)
            if has_finished and savepoint is None:
                ended = DesiredJob(arguments=entry.arguments, is_wanted=False)
            else:  # stopped, whoever did it
                ended = _unwanted(entry, savepoint or entry.resume_from)
            desired_jobs.write(self.layout, name, ended)


def _unwanted(entry: DesiredJob, resume_from: str | None) -> DesiredJob:
    return DesiredJob(
        arguments=entry.arguments, is_wanted=False, job_id=entry.job_id, resume_from=resume_from
    )


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")


def reason_of(errors: str, log: Path, log_size: int) -> str:
    """Return what a user can act on: the job's own error in the log, else Flink's innermost cause.

    Flink copies what the job's Python prints into its log, one prefixed line each.
    """
    try:
        with log.open("rb") as handle:
            handle.seek(log_size)
            written = handle.read().decode("utf-8", "replace")
    except OSError:
        written = ""
    printed = [line.split(" [] - ", 1)[1] for line in written.splitlines() if _PRINTED in line]
    own = [line for line in printed if _ERROR_LINE.match(line) and line[:6] != "usage:"]
    if own and not any("py4j" in line for line in own):
        return own[-1]
    # what Java told the job is nearer to the cause than that the job has ended
    for lines in (printed, errors.splitlines()):
        causes = [line for line in lines if line.startswith(_CAUSE)]
        if causes:
            return causes[-1].removeprefix(_CAUSE).strip()
    return _first_line("\n".join((*own, errors)))


__all__ = ["FlinkRefusedError", "FlinkUnavailableError", "JobControl", "JobError", "known_jobs"]
