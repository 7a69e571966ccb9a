"""The keeper: brings back wanted jobs that are gone, and tells Prometheus how the jobs are.

A standalone JobManager forgets its jobs when it is killed. The keeper compares the desired jobs
with what Flink lists and restores a missing or failed one from its newest complete checkpoint. What
somebody cancelled on the dashboard, or what finished, is left alone; what an upgrade has stopped is
its own to bring back, for as long as it holds the lock.
"""

import logging
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Final

from prometheus_client import Counter, Gauge, start_http_server

from contracts import metrics
from deploy.local import desired_jobs, job_health
from deploy.local.desired_jobs import DesiredJob
from deploy.local.flink_rest import FlinkUnavailableError, RunningJob
from deploy.local.jobs import FlinkRefusedError, JobControl, JobError
from deploy.local.layout import Layout

_INTERVAL_S: Final = 2.0
_MEASURE_EVERY_S: Final = 10.0
_MAX_BACKOFF_S: Final = 60.0

log = logging.getLogger("keeper")


class Keeper:
    """Compares and restores, one round at a time."""

    def __init__(self, layout: Layout, control: JobControl) -> None:
        self._layout = layout
        self._control = control
        self._not_before: dict[str, float] = {}
        self._backoff_s: dict[str, float] = {}
        self._is_up = _gauge(metrics.KEEPER_JOB_UP)
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
            elif job.is_wanted and (present is None or present.has_ended):
                self._handle_absence(name, job, present)

    def _handle_absence(self, name: str, job: DesiredJob, present: RunningJob | None) -> None:
        is_its_end = present is not None and present.job_id == job.job_id
        if present and is_its_end and present.state != "FAILED" and not job.is_changing:
            log.info("job_ended job=%s state=%s", name, present.state)
            self._control.forget(name, job.job_id, has_finished=present.state == "FINISHED")
            return
        if time.monotonic() < self._not_before.get(name, 0):
            return
        backoff_s = self._backoff_s.get(name, _INTERVAL_S)
        self._backoff_s[name] = min(backoff_s * 2, _MAX_BACKOFF_S)
        self._not_before[name] = time.monotonic() + backoff_s
        try:
            new_id = self._control.restore(name)
        except desired_jobs.BusyError:
            self._backoff_s[name], self._not_before[name] = backoff_s, 0.0
            raise
        except (JobError, FlinkUnavailableError, FlinkRefusedError) as error:
            log.warning("job_not_restored job=%s next_try_s=%.0f reason=%s", name, backoff_s, error)
            return
        if new_id is not None:
            entry = desired_jobs.read(self._layout)[name]
            self._resubmissions.labels(name).inc()
            log.warning("job_restored job=%s id=%s from=%s", name, new_id, entry.resume_from)


class JobGauges:
    """What `farol jobs list` shows, as gauges; what is not known of a job has no value."""

    def __init__(self, layout: Layout, control: JobControl) -> None:
        self._layout = layout
        self._control = control
        self._healthy = _gauge(metrics.KEEPER_JOB_HEALTHY)
        self._restarts = _gauge(metrics.KEEPER_JOB_RESTARTS)
        self._records = _gauge(metrics.KEEPER_JOB_RECORDS)
        self._lag = _gauge(metrics.KEEPER_JOB_LAG)
        self._watermark_lag = _gauge(metrics.KEEPER_JOB_WATERMARK_LAG)
        self._checkpoint_age = _gauge(metrics.KEEPER_JOB_CHECKPOINT_AGE)
        self._health: dict[str, job_health.Health] = {}

    def measure(self) -> None:
        """Ask Flink and set the gauges; jobs that were never wanted are left out."""
        try:
            rows = job_health.statuses(self._layout, self._control.rest)
        except (FlinkUnavailableError, FlinkRefusedError):
            for name in desired_jobs.read(self._layout):
                self._healthy.labels(name).set(0)
            return
        for row in rows:
            if row.is_wanted or row.job_id:
                self._show(row)

    def _show(self, row: job_health.JobStatus) -> None:
        if row.is_unhealthy and self._health.get(row.name) != row.health:
            log.warning(
                "job_unhealthy job=%s health=%s restarts=%d cause=%s",
                *(row.name, row.health.value, row.restarts, row.cause.replace("\n", " | ")),
            )
        self._health[row.name] = row.health
        self._healthy.labels(row.name).set(int(not row.is_unhealthy))
        for gauge, labels, value in (
            (self._restarts, (row.name,), row.restarts),
            (self._records, (row.name, "in"), row.records_in),
            (self._records, (row.name, "out"), row.records_out),
            (self._records, (row.name, "late"), row.late),
            (self._records, (row.name, "duplicate"), row.duplicates),
            (self._records, (row.name, "dlq"), row.dlq),
            (self._lag, (row.name,), row.lag_records),
            (self._watermark_lag, (row.name,), row.watermark_lag_s),
            (self._checkpoint_age, (row.name,), row.checkpoint_age_s),
        ):
            if value is not None:
                gauge.labels(*labels).set(value)
            else:
                with suppress(KeyError):
                    gauge.remove(*labels)


def _gauge(metric: metrics.Metric) -> Gauge:
    return Gauge(metric.name, metric.help, metric.labels)


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
    control = JobControl(layout)
    keeper, gauges = Keeper(layout, control), JobGauges(layout, control)
    server, _ = start_http_server(layout.port("keeper"), addr="127.0.0.1")
    log.info("keeper_started port=%d", layout.port("keeper"))
    measured_s = 0.0
    while not stopped.wait(_INTERVAL_S):
        try:
            keeper.round()
            if time.monotonic() - measured_s >= _MEASURE_EVERY_S:
                measured_s = time.monotonic()
                gauges.measure()
        except desired_jobs.BusyError:
            log.info("jobs_being_changed")
        except (FlinkUnavailableError, FlinkRefusedError) as error:
            log.warning("jobmanager_lost reason=%s", error)
        except desired_jobs.DesiredJobsError as error:
            log.error("desired_jobs_unreadable reason=%s", error)
    server.shutdown()


if __name__ == "__main__":
    main()
