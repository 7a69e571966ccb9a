"""What a job's `main` calls: read the settings, build, name the operators, submit."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyflink.common import JobClient
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import StatementSet, StreamTableEnvironment

from flink_jobs.runtime.environment import stream_environment, table_environment
from flink_jobs.runtime.identity import identities
from flink_jobs.runtime.settings import JobSettings, Option, SettingsError, parse

Build = Callable[[StreamTableEnvironment, JobSettings], StatementSet]
"""Wires one job: registers tables and functions, returns the statement set that is its pipeline."""

_SUBMITTED_BY_FLINK = "PYFLINK_GATEWAY_PORT"
"""Set by `flink run` and by the JobManager; without it the job runs inside this process."""

_PLANS = "farol.plans.dir"
"""Setting of a cluster that keeps the plans of its jobs, to start them again without Python."""

_log = logging.getLogger(__name__)


def submit(build: Build, settings: JobSettings) -> JobClient:
    """Build the job and hand it to the cluster or the local runtime; do not wait for its end."""
    environment = stream_environment(settings)
    table = table_environment(settings, environment)
    build(table, settings).attach_as_datastream()
    assign_uids(environment, settings.job)
    return execute(environment, settings.job)


def execute(environment: StreamExecutionEnvironment, job: str) -> JobClient:
    """Start what an environment holds; its plan is kept where the cluster keeps plans."""
    java_environment = environment._j_stream_execution_environment
    plans = java_environment.getConfiguration().toMap().get(_PLANS)
    if not plans:
        return environment.execute_async(job)
    # as execute_async, but for the plan's bytes: the submission writes into it what only this
    # JobManager knows
    plan = environment._generate_stream_graph(clear_transformations=True, job_name=job)
    content = get_gateway().jvm.farol.KeptPlan.serialize(plan)
    client = JobClient(java_environment.executeAsync(plan))
    try:
        Path(plans).mkdir(parents=True, exist_ok=True)
        Path(plans, str(client.get_job_id())).write_bytes(content)
    except OSError as error:
        _log.warning("plan_not_kept job=%s reason=%s", job, error)
    return client


def assign_uids(environment: StreamExecutionEnvironment, job: str) -> None:
    """Give every operator that has no uid of its own one that survives a resubmission."""
    # Neither Table API nor PyFlink reaches the operators of a statement set: only the Java side
    # does.
    physical = [
        each
        for each in _upstream_first(
            environment._j_stream_execution_environment.getTransformations()
        )
        if each.getUid() is None and _takes_uid(each)
    ]
    names = identities(job, [each.getName() for each in physical])
    for transformation, uid in zip(physical, names, strict=True):
        transformation.setUid(uid)


def _upstream_first(roots: Any) -> list[Any]:
    """Return every transformation below the roots once, in the order of the plan."""
    found: dict[int, Any] = {}
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if each.getId() not in found:
            found[each.getId()] = each
            waiting.extend(each.getInputs())
    return [found[number] for number in sorted(found)]


def _takes_uid(transformation: Any) -> bool:
    """Return whether a transformation becomes an operator; partitionings and unions do not."""
    kind = transformation.getClass()
    while kind is not None:
        if kind.getSimpleName() == "PhysicalTransformation":
            return True
        kind = kind.getSuperclass()
    return False


def run(
    job: str,
    build: Build,
    options: Sequence[Option] = (),
    argv: Sequence[str] | None = None,
    mode: str = "STREAMING",
) -> None:
    """Submit the job that the command line describes, in a runtime mode of Flink.

    In a local runtime this waits for the job, which would end with the process.

    Raises:
        SystemExit: With code 2 and one clear message where an option cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        given = parse(job, sys.argv[1:] if argv is None else argv, options=options)
        settings = replace(given, mode=mode)
    except SettingsError as error:
        # Flink copies both streams into the JobManager's log: that is where a dashboard user finds
        # the reason.
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    client = submit(build, settings)
    _log.info("job_submitted job=%s id=%s", job, client.get_job_id())
    if _SUBMITTED_BY_FLINK not in os.environ:
        client.get_job_execution_result().result()
