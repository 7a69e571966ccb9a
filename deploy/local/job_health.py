"""How the jobs are: what they count, how far behind they are, and whether they are healthy.

A wanted job is unhealthy when it is not there, does not compute, or has failed several times within
a few minutes: Flink restarts such a job for ever, less and less often, and each restart looks like
a running job.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deploy.local import desired_jobs, job_measures
from deploy.local.desired_jobs import DesiredJob, resume_point
from deploy.local.flink_rest import FlinkRefusedError, FlinkRest, RunningJob
from deploy.local.job_measures import Measures
from deploy.local.jobs import known_jobs
from deploy.local.layout import Layout

LOOP_FAILURES: Final = 3
LOOP_S: Final = 300
"""So many failures within so many seconds are a restart loop; Flink pauses at most 30 s."""
STARTING_S: Final = 120
"""A job that was submitted this lately may still be starting."""


class Health(StrEnum):
    """What is to be done about a job."""

    OK = "ok"
    STARTING = "starting"
    STOPPED = "stopped"
    """Nobody wants it to run."""
    RESTARTING = "restarting"
    """It fails again and again."""
    STUCK = "stuck"
    """It is there and does not compute."""
    MISSING = "missing"
    """It is wanted and not there: ended, or refused to come back."""


UNHEALTHY: Final = frozenset({Health.RESTARTING, Health.STUCK, Health.MISSING})


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One line of `farol jobs list`; what is not known is None."""

    name: str
    state: str
    is_wanted: bool
    job_id: str
    checkpoints: int
    failed_checkpoints: int
    restarts: int
    resume_from: str | None
    health: Health = Health.STOPPED
    cause: str = ""
    records_in: int | None = None
    records_out: int | None = None
    late: int | None = None
    duplicates: int | None = None
    dlq: int | None = None
    lag_records: int | None = None
    watermark_lag_s: float | None = None
    """Wall clock minus watermark: negative where event time runs ahead of the clock."""
    checkpoint_age_s: float | None = None

    @property
    def is_unhealthy(self) -> bool:
        """Return whether somebody should look at it."""
        return self.health in UNHEALTHY


def judged(
    job: RunningJob | None, failures_ms: list[int], *, is_wanted: bool, now_ms: int
) -> Health:
    """Return how a job is.

    Args:
        job: As Flink lists it, None where it does not.
        failures_ms: When it failed, epoch ms.
        is_wanted: Whether somebody wants it to run.
        now_ms: The present, epoch ms.
    """
    if job is None or job.has_ended:
        return Health.MISSING if is_wanted else Health.STOPPED
    recent = [at_ms for at_ms in failures_ms if now_ms - at_ms < LOOP_S * 1000]
    if len(recent) >= LOOP_FAILURES:
        return Health.RESTARTING
    if job.is_computing:
        return Health.OK
    is_young = now_ms - job.started_at_ms < STARTING_S * 1000
    return Health.STARTING if is_young or recent else Health.STUCK


def statuses(layout: Layout, rest: FlinkRest) -> list[JobStatus]:
    """Return every job that is known, wanted or running.

    Raises:
        FlinkUnavailableError: The JobManager does not answer.
    """
    desired = desired_jobs.read(layout)
    listed: dict[str, RunningJob] = {}
    for job in rest.jobs():
        if job.name not in listed or not job.has_ended:
            listed[job.name] = job
    measures = job_measures.read(layout.url("flink_taskmanager_metrics"))
    names = sorted({*known_jobs(layout), *desired, *listed})
    return [
        _status(layout, rest, name, listed.get(name), desired.get(name), measures) for name in names
    ]


def _status(
    layout: Layout,
    rest: FlinkRest,
    name: str,
    job: RunningJob | None,
    entry: DesiredJob | None,
    measures: dict[str, Measures],
) -> JobStatus:
    is_wanted = bool(entry and entry.is_wanted)
    resume_from = resume_point(layout, entry) if entry else None
    now_ms = int(time.time() * 1000)
    if job is not None:
        try:
            return _of_flink(rest, job, measures.get(job.job_id), is_wanted, resume_from, now_ms)
        except FlinkRefusedError:
            pass  # it ended between two requests: its line simply has no counts
    return JobStatus(
        name=name,
        state=job.state if job else ("MISSING" if is_wanted else "-"),
        is_wanted=is_wanted,
        job_id=job.job_id if job else "",
        checkpoints=0,
        failed_checkpoints=0,
        restarts=0,
        resume_from=resume_from,
        health=judged(job, [], is_wanted=is_wanted, now_ms=now_ms),
    )


def _of_flink(
    rest: FlinkRest,
    job: RunningJob,
    counted: Measures | None,
    is_wanted: bool,
    resume_from: str | None,
    now_ms: int,
) -> JobStatus:
    counts, newest_ms = rest.checkpoints(job.job_id), rest.newest_checkpoint_ms(job.job_id)
    health = judged(job, rest.failures_ms(job.job_id), is_wanted=is_wanted, now_ms=now_ms)
    watermark_ms = counted.watermark_ms if counted else None
    return JobStatus(
        name=job.name,
        state=job.state,
        is_wanted=is_wanted,
        job_id=job.job_id,
        checkpoints=counts["completed"],
        failed_checkpoints=counts["failed"],
        restarts=rest.restarts(job.job_id),
        resume_from=resume_from,
        health=health,
        cause=rest.root_cause(job.job_id) if health in UNHEALTHY else "",
        records_in=counted.records_in if counted else None,
        records_out=counted.records_out if counted else None,
        late=counted.late if counted else None,
        duplicates=counted.duplicates if counted else None,
        dlq=counted.dlq if counted else None,
        lag_records=counted.lag_records if counted else None,
        watermark_lag_s=_age_s(now_ms, watermark_ms),
        checkpoint_age_s=None if job.has_ended else _age_s(now_ms, newest_ms),
    )


def _age_s(now_ms: int, at_ms: int | None) -> float | None:
    return None if at_ms is None else round((now_ms - at_ms) / 1000, 1)
