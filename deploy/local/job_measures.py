"""What the jobs count, out of the reporter of Flink's TaskManagers.

One answer holds every operator of every job: the REST API would need two requests for each of the
fifty vertices of the ingest job. Values are those since the job started or restarted last.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from contracts.metrics import JOB_DUPLICATES

_SCOPE: Final = "flink_taskmanager_job_task_"
_OPERATOR: Final = "operator_"
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_NEVER_MS: Final = -(2**63)
_ENDED_MS: Final = 2**63 - 1
_WANTED: Final = frozenset(
    (
        "numRecordsIn",
        "numRecordsOut",
        "pendingRecords",
        "currentInputWatermark",
        JOB_DUPLICATES.name,
    )
)
_TIMEOUT_S: Final = 10.0


@dataclass(slots=True)
class Measures:
    """Counts of one job.

    Attributes:
        records_in: Records read by its sources.
        records_out: Results given to its sinks, topics and tables alike; late and DLQ apart.
        late: Records given to late topics.
        duplicates: Copies it has dropped; None where it does not tell copies apart, or only when
            a window closes.
        dlq: Records given to DLQ topics.
        lag_records: Records of its topics that it has not read; None where no source says.
        watermark_ms: Least advanced watermark, epoch ms; None where there is none.
    """

    records_in: int = 0
    records_out: int = 0
    late: int = 0
    duplicates: int | None = None
    dlq: int = 0
    lag_records: int | None = None
    watermark_ms: int | None = None


def read(url: str) -> dict[str, Measures]:
    """Return the counts of every job by its identifier; none where no TaskManager answers."""
    try:
        answer = httpx.get(f"{url}/metrics", timeout=_TIMEOUT_S, trust_env=False)
    except httpx.TransportError:
        return {}
    return parse(answer.text.splitlines()) if answer.is_success else {}


def parse(lines: Iterable[str]) -> dict[str, Measures]:
    """Return the counts of every job out of what the reporter gives out."""
    jobs: dict[str, Measures] = defaultdict(Measures)
    for line in lines:
        if not line.startswith(_SCOPE):
            continue
        # most of several thousand lines are something else: their labels are not looked at
        scoped, _, rest = line.removeprefix(_SCOPE).partition("{")
        metric = scoped.removeprefix(_OPERATOR)
        if metric in _WANTED:
            text, _, value = rest.rpartition("} ")
            labels = dict(_LABEL.findall(text))
            _add(jobs[labels["job_id"]], metric, labels, float(value))
    return dict(jobs)


def _add(job: Measures, metric: str, labels: Mapping[str, str], value: float) -> None:
    operator = labels.get("operator_name", "")
    if metric == "currentInputWatermark":
        if _NEVER_MS < value < _ENDED_MS and "operator_name" not in labels:
            job.watermark_ms = min(int(value), job.watermark_ms or _ENDED_MS)
    elif metric == "pendingRecords":
        job.lag_records = (job.lag_records or 0) + int(value)
    elif metric == JOB_DUPLICATES.name:
        job.duplicates = (job.duplicates or 0) + int(value)
    elif operator.startswith("Source:") and metric == "numRecordsIn":
        job.records_in += int(value)
    elif operator.startswith("Deduplicate_"):
        sign = {"numRecordsIn": 1, "numRecordsOut": -1}.get(metric, 0)
        job.duplicates = (job.duplicates or 0) + sign * int(value)
    elif operator.endswith("_Writer") and metric == "numRecordsIn":
        _add_written(job, operator, int(value))


def _add_written(job: Measures, sink: str, records: int) -> None:
    """Count what a sink was given; tables of late and malformed records are named after them.

    Iceberg's writers do not count what they send, so it is counted as it comes in.
    """
    if "_late" in sink:
        job.late += records
    elif sink.startswith("bronze_dlq_"):
        return  # the same records as on the DLQ topics
    elif "dlq" in sink:
        job.dlq += records
    else:
        job.records_out += records
