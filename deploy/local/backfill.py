"""Windows of the past computed again out of Bronze, and put into the lake beside the streamed ones.

Flink writes its results to a folder; they replace those of the interval in the lake's
`stream.<topic>_backfill` in one commit, so that a backfill can be made again, and a reader never
sees half of one. Topics and Redis are not written: what they hold is as final as it was.
"""

import json
import secrets
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from contracts.domain import GPS_AGGREGATES, REGION_WINDOWS, ZONE_METRICS, DerivedTopic
from contracts.rules import GPS_WINDOW_MS, REGION_WINDOW_MS, SURGE_SLIDE_MS
from contracts.tables import TableSpec, stream_table
from deploy.local.flink_rest import FlinkRefusedError
from deploy.local.jobs import JobControl, JobError, reason_of
from deploy.local.lake import LakeError, connect, initialise
from deploy.local.layout import Layout
from deploy.local.supervision import service_log

PACKAGE: Final = "flink_jobs.jobs.backfill"
_POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Backfill:
    """One job that can be run over Bronze.

    Attributes:
        topic: Where the running job writes what this computes again.
        step_ms: Both ends of an interval are multiples of this.
        is_by_start: Whether a window belongs to the interval its start lies in; else its end.
    """

    topic: DerivedTopic
    step_ms: int
    is_by_start: bool

    @property
    def table(self) -> TableSpec:
        """Return the table of the results."""
        spec = stream_table(self.topic)
        return msgspec.structs.replace(
            spec,
            name=f"{spec.name}_backfill",
            description=f"One row per window of {self.topic.name}, computed again out of Bronze.",
        )


BACKFILLS: Final = {
    "region_windows": Backfill(REGION_WINDOWS, REGION_WINDOW_MS, True),
    "gps_aggregates": Backfill(GPS_AGGREGATES, GPS_WINDOW_MS, True),
    "surge": Backfill(ZONE_METRICS, SURGE_SLIDE_MS, False),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a backfill gave."""

    windows: int
    table: str


def instant_ms(text: str, name: str, step_ms: int) -> int:
    """Return an instant that the user gave, in epoch ms.

    Args:
        text: RFC 3339, or a date and time without an offset, which is UTC.
        name: The option, for the message.
        step_ms: What it has to be a multiple of.

    Raises:
        JobError: It cannot be read, or lies inside a window.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise JobError(f"{name} {text!r} is no instant such as 2026-01-05T08:00:00Z") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    at_ms = int(aware.timestamp() * 1000)
    if at_ms % step_ms:
        raise JobError(
            f"{name} {text!r} lies inside a window: give a multiple of {step_ms // 1000} s"
        )
    return at_ms


def run(control: JobControl, job: str, since: str, until: str, parallelism: int = 1) -> Result:
    """Compute the windows of an interval again and return how many there are, and where.

    Args:
        control: The jobs of the stack; only its Flink is used, the running job is left alone.
        job: Name of a windowed job.
        since: First instant of event time.
        until: The instant after the last one.
        parallelism: Of the backfill.

    Raises:
        JobError: The job has no backfill, the interval is none, or Flink fails.
    """
    chosen = BACKFILLS.get(job)
    if chosen is None:
        raise JobError(f"{job!r} has no backfill; these have: {', '.join(BACKFILLS)}")
    from_ms = instant_ms(since, "--from", chosen.step_ms)
    to_ms = instant_ms(until, "--to", chosen.step_ms)
    if from_ms >= to_ms:
        raise JobError(f"--from {since} has to lie before --to {until}")
    job_id = secrets.token_hex(16)
    folder = control.layout.home / "backfill" / job_id
    try:
        _compute(
            control,
            job_id,
            f"{PACKAGE}.{job}",
            *("--from-ms", str(from_ms), "--to-ms", str(to_ms)),
            *("--out", folder.as_uri(), "--parallelism", str(parallelism)),
        )
        return _keep(control.layout, chosen, folder, from_ms, to_ms)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compute(control: JobControl, job_id: str, module: str, *arguments: str) -> None:
    """Run a bounded job to its end; nobody brings it back if it fails."""
    log = service_log(control.layout, "jobmanager")
    log_size = log.stat().st_size if log.exists() else 0
    once = ("--set", "restart-strategy.type=none")
    try:
        control.rest.run(job_id, ("-pym", module, *arguments, *once), None)
    except FlinkRefusedError as error:
        raise JobError(
            f"the backfill was refused: {reason_of(str(error), log, log_size)}\n"
            "The whole story: farol logs jobmanager -n 200"
        ) from error
    while True:
        found = next((job for job in control.rest.jobs() if job.job_id == job_id), None)
        if found is None:
            raise JobError("the JobManager has forgotten the backfill: start it again")
        if found.state == "FINISHED":
            return
        if found.has_ended:
            raise JobError(f"the backfill is {found.state}: {control.rest.root_cause(job_id)}")
        time.sleep(_POLL_S)


def _keep(layout: Layout, chosen: Backfill, folder: Path, from_ms: int, to_ms: int) -> Result:
    rows = [
        json.loads(line)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.startswith((".", "_"))
        for line in file.read_bytes().splitlines()
    ]
    spec, now = chosen.table, datetime.now(UTC)
    try:
        catalog = connect(layout.url("catalog"))
        initialise(catalog, (spec,))
        table = catalog.load_table(spec.identifier)
    except LakeError as error:
        raise JobError(str(error)) from error
    written = {"_written_at": now, "_written_date": now.date()}
    content = pa.Table.from_pylist(
        [{**written, **row} for row in rows], schema=table.schema().as_arrow()
    )
    interval = (
        f"window_start_ms >= {from_ms} and window_start_ms < {to_ms}"
        if chosen.is_by_start
        else f"window_end_ms > {from_ms} and window_end_ms <= {to_ms}"
    )
    table.overwrite(content, overwrite_filter=interval)
    return Result(len(rows), f"lake.{spec.identifier}")
