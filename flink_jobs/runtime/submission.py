"""What a job's `main` calls: read the settings, build, submit, say the job's identifier."""

import logging
import os
import sys
from collections.abc import Callable, Sequence

from pyflink.table import StatementSet, StreamTableEnvironment, TableResult

from flink_jobs.runtime.environment import table_environment
from flink_jobs.runtime.settings import JobSettings, Option, SettingsError, parse

Build = Callable[[StreamTableEnvironment, JobSettings], StatementSet]
"""Wires one job: registers tables and functions, returns the statement set that is its pipeline."""

_SUBMITTED_BY_FLINK = "PYFLINK_GATEWAY_PORT"
"""Set by `flink run` and by the JobManager; without it the job runs inside this process."""

_log = logging.getLogger(__name__)


def submit(build: Build, settings: JobSettings) -> TableResult:
    """Build the job and hand it to the cluster or the local runtime; do not wait for its end."""
    return build(table_environment(settings), settings).execute()


def run(
    job: str, build: Build, options: Sequence[Option] = (), argv: Sequence[str] | None = None
) -> None:
    """Submit the job that the command line describes.

    In a local runtime this waits for the job, which would end with the process.

    Raises:
        SystemExit: With code 2 and one clear message where an option cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = parse(job, sys.argv[1:] if argv is None else argv, options=options)
    except SettingsError as error:
        # Flink copies both streams into the JobManager's log: that is where a dashboard user
        # finds the reason.
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    result = submit(build, settings)
    client = result.get_job_client()
    _log.info("job_submitted job=%s id=%s", job, client.get_job_id() if client else "none")
    if _SUBMITTED_BY_FLINK not in os.environ:
        result.wait()
