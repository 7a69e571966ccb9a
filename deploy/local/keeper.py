"""The keeper: brings back wanted jobs that are gone, and tells Prometheus about it.

A standalone JobManager forgets its jobs when it is killed. The keeper compares the desired jobs
with what Flink lists and restores a missing or failed one from its newest complete checkpoint. What
somebody cancelled on the dashboard, or what finished, is left alone.
"""

import logging
import signal
import threading
import time
from types import FrameType
from typing import Final

from prometheus_client import Counter, Gauge, start_http_server

from contracts import metrics
from deploy.local import desired_jobs
from deploy.local.flink_rest import FlinkUnavailableError, RunningJob
from deploy.local.jobs import FlinkRefusedError, JobControl, JobError
from deploy.local.layout import Layout

_INTERVAL_S: Final = 2.0
_MAX_BACKOFF_S: Final = 60.0

log = logging.getLogger("keeper")


class Keeper:
    """Compares and restores, one round at a time."""

    def __init__(self, layout: Layout, control: JobControl) -> None:
        self._layout = layout
        self._control = control
        self._not_before: dict[str, float] = {}
        self._backoff_s: dict[str, float] = {}
        self._is_up = Gauge(
            metrics.KEEPER_JOB_UP.name, metrics.KEEPER_JOB_UP.help, metrics.KEEPER_JOB_UP.labels
        )
        self._restarts = Gauge(
            metrics.KEEPER_JOB_RESTARTS.name,
            metrics.KEEPER_JOB_RESTARTS.help,
            metrics.KEEPER_JOB_RESTARTS.labels,
        )
        self._resubmissions = Counter(
            metrics.KEEPER_RESUBMISSIONS.name,
            metrics.KEEPER_RESUBMISSIONS.help,
            metrics.KEEPER_RESUBMISSIONS.labels,
        )

    def round(self) -> None:
        """Look at every wanted job once and restore what is gone."""
        try:
            listed = self._control.rest.jobs()
        except (FlinkUnavailableError, FlinkRefusedError):
            # the supervisor starts the JobManager again; its jobs are restored in a later round
            for name in desired_jobs.read(self._layout):
                self._is_up.labels(name).set(0)
            return
        for name, job in desired_jobs.read(self._layout).items():
            present = _newest(listed, name)
            computing = present is not None and present.is_computing
            self._is_up.labels(name).set(int(computing))
            if computing and present is not None:
                self._backoff_s.pop(name, None)
                self._count_restarts(name, present)
            elif job.is_wanted and (present is None or present.has_ended):
                self._handle_absence(name, job.job_id, present)

    def _count_restarts(self, name: str, job: RunningJob) -> None:
        try:
            self._restarts.labels(name).set(self._control.rest.restarts(job.job_id))
        except (FlinkRefusedError, FlinkUnavailableError):
            log.debug("restarts_unknown job=%s", name)

    def _handle_absence(self, name: str, job_id: str, present: RunningJob | None) -> None:
        if present is not None and present.job_id == job_id and present.state != "FAILED":
            log.info("job_ended job=%s state=%s", name, present.state)
            self._control.forget(name, has_finished=present.state == "FINISHED")
            return
        if time.monotonic() < self._not_before.get(name, 0):
            return
        backoff_s = self._backoff_s.get(name, _INTERVAL_S)
        self._backoff_s[name] = min(backoff_s * 2, _MAX_BACKOFF_S)
        self._not_before[name] = time.monotonic() + backoff_s
        try:
            new_id = self._control.restore(name)
        except (JobError, FlinkUnavailableError, FlinkRefusedError) as error:
            log.warning("job_not_restored job=%s next_try_s=%.0f reason=%s", name, backoff_s, error)
            return
        if new_id is not None:
            entry = desired_jobs.read(self._layout)[name]
            self._resubmissions.labels(name).inc()
            log.warning("job_restored job=%s id=%s from=%s", name, new_id, entry.resume_from)


def _newest(listed: list[RunningJob], name: str) -> RunningJob | None:
    own = [job for job in listed if job.name == name]
    return next((job for job in own if not job.has_ended), own[0] if own else None)


def main() -> None:
    """Keep jobs until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    layout = Layout.from_environment()
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    keeper = Keeper(layout, JobControl(layout))
    server, _ = start_http_server(layout.port("keeper"), addr="127.0.0.1")
    log.info("keeper_started port=%d", layout.port("keeper"))
    while not stopped.wait(_INTERVAL_S):
        try:
            keeper.round()
        except desired_jobs.DesiredJobsError as error:
            log.error("desired_jobs_unreadable reason=%s", error)
    server.shutdown()


if __name__ == "__main__":
    main()
