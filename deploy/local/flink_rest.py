"""Flink's REST API, as far as jobs are controlled through it; knows nothing of desired jobs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx

from deploy.setup.homes import JOB_JAR

_TIMEOUT_S: Final = 10.0
# a submission starts Python and the planner inside the JobManager
_SUBMIT_TIMEOUT_S: Final = 300.0
_PLAN_RUNNER: Final = "farol.KeptPlan"
_PENDING: Final = ".pendingRecords"
_CAUSE: Final = "Caused by:"
ENDED_STATES: Final = frozenset({"FINISHED", "CANCELED", "FAILED"})


class FlinkUnavailableError(Exception):
    """The JobManager does not answer."""


class FlinkRefusedError(Exception):
    """The JobManager answered with an error; the message is its own."""


@dataclass(frozen=True, slots=True)
class RunningJob:
    """One job as the JobManager lists it."""

    job_id: str
    name: str
    state: str
    started_at_ms: int
    tasks: Mapping[str, int]

    @property
    def has_ended(self) -> bool:
        """Return whether it will never run again under this identifier."""
        return self.state in ENDED_STATES

    @property
    def is_computing(self) -> bool:
        """Return whether every task of the job runs."""
        return self.state == "RUNNING" and self.tasks["running"] == self.tasks["total"]


class FlinkRest:
    """A client of one JobManager."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_failure: object) -> None:
        """Close the connections."""
        self._client.close()

    def _request(
        self, method: str, path: str, *, timeout_s: float = _TIMEOUT_S, **options: Any
    ) -> Any:
        try:
            answer = self._client.request(method, path, timeout=timeout_s, **options)
        except httpx.HTTPError as error:
            raise FlinkUnavailableError(
                f"the JobManager does not answer ({type(error).__name__}); see `farol status`"
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        try:
            errors = answer.json().get("errors", [])
        except ValueError:
            errors = [answer.text]
        raise FlinkRefusedError("\n".join(str(e) for e in errors) or f"status {answer.status_code}")

    def jobs(self) -> list[RunningJob]:
        """Return all jobs that the JobManager knows, newest first."""
        listed = self._request("GET", "/jobs/overview")["jobs"]
        found = [
            RunningJob(j["jid"], j["name"], j["state"], j["start-time"], j["tasks"]) for j in listed
        ]
        return sorted(found, key=lambda job: -job.started_at_ms)

    def run(self, job_id: str, arguments: Sequence[str], savepoint_path: str | None) -> None:
        """Submit a Python job through the jar that only names the Python driver.

        The identifier is chosen by the caller, so a repeated request cannot make a second copy.
        """
        self._run({"programArgsList": list(arguments), "jobId": job_id}, savepoint_path)

    def run_plan(self, job_id: str, plan: Path, savepoint_path: str | None) -> None:
        """Submit a job as it was planned before, without Python and the SQL planner."""
        body = {"entryClass": _PLAN_RUNNER, "programArgsList": [str(plan)], "jobId": job_id}
        self._run(body, savepoint_path)

    def _run(self, body: Mapping[str, object], savepoint_path: str | None) -> None:
        state = {"savepointPath": savepoint_path} if savepoint_path else {}
        path = f"/jars/{JOB_JAR}/run"
        self._request("POST", path, json={**body, **state}, timeout_s=_SUBMIT_TIMEOUT_S)

    def cancel(self, job_id: str) -> None:
        """Ask for a cancellation; its retained checkpoints stay."""
        self._request("PATCH", f"/jobs/{job_id}", params={"mode": "cancel"})

    def stop_with_savepoint(self, job_id: str, timeout_s: float) -> str:
        """Stop a job and return the path of the savepoint it left.

        Raises:
            FlinkRefusedError: The savepoint failed or took too long; the job goes on.
        """
        trigger = self._request("POST", f"/jobs/{job_id}/stop", json={"drain": False})["request-id"]
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            answer = self._request("GET", f"/jobs/{job_id}/savepoints/{trigger}")
            if answer["status"]["id"] == "COMPLETED":
                operation = answer["operation"]
                if "location" in operation:
                    return str(operation["location"])
                cause = operation.get("failure-cause", {}).get("class", "unknown cause")
                raise FlinkRefusedError(f"the savepoint failed: {cause}")
            time.sleep(0.3)
        raise FlinkRefusedError(f"the savepoint was not complete after {timeout_s:.0f} s")

    def take_checkpoint(self, job_id: str, timeout_s: float) -> None:
        """Ask for a checkpoint and wait for it: what has one can be resumed.

        Raises:
            FlinkRefusedError: It failed or took too long.
        """
        body = {"checkpointType": "CONFIGURED"}
        path = f"/jobs/{job_id}/checkpoints"
        trigger = self._request("POST", path, json=body)["request-id"]
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            answer = self._request("GET", f"{path}/{trigger}")
            if answer["status"]["id"] == "COMPLETED":
                failure = answer["operation"].get("failureCause") or {}
                if not failure:
                    return
                raise FlinkRefusedError(f"a checkpoint failed: {failure.get('class', 'unknown')}")
            time.sleep(0.3)
        raise FlinkRefusedError(f"a checkpoint was not complete after {timeout_s:.0f} s")

    def checkpoints(self, job_id: str) -> dict[str, int]:
        """Return how many checkpoints of a job completed and failed."""
        counts = self._request("GET", f"/jobs/{job_id}/checkpoints").get("counts", {})
        return {"completed": counts.get("completed", 0), "failed": counts.get("failed", 0)}

    def newest_checkpoint_ms(self, job_id: str) -> int | None:
        """Return when the newest checkpoint of a job was complete, in epoch ms, None before."""
        latest = self._request("GET", f"/jobs/{job_id}/checkpoints").get("latest", {})
        found = [latest.get(kind) for kind in ("completed", "savepoint")]
        return max((each["latest_ack_timestamp"] for each in found if each), default=None)

    def restarts(self, job_id: str) -> int:
        """Return how often the job restarted under this identifier."""
        values = self._request("GET", f"/jobs/{job_id}/metrics", params={"get": "numRestarts"})
        return int(float(values[0]["value"])) if values else 0

    def failures_ms(self, job_id: str) -> list[int]:
        """Return when a job failed, in epoch ms, newest first; Flink keeps the last 16."""
        history = self._request("GET", f"/jobs/{job_id}/exceptions").get("exceptionHistory", {})
        return [int(entry["timestamp"]) for entry in history.get("entries", [])]

    def free_slots(self) -> int:
        """Return how many more slots jobs could take now."""
        return int(self._request("GET", "/overview")["slots-available"])

    def slots_of(self, job_id: str) -> int:
        """Return how many slots a job takes: the widest of its vertices."""
        vertices = self._request("GET", f"/jobs/{job_id}")["vertices"]
        return max((int(vertex["parallelism"]) for vertex in vertices), default=0)

    def root_cause(self, job_id: str) -> str:
        """Return what made a job fail, innermost cause first, or an empty text."""
        entries = self._request("GET", f"/jobs/{job_id}/exceptions").get("exceptionHistory", {})
        latest = entries.get("entries", [])
        if not latest:
            return ""
        lines = latest[0]["stacktrace"].splitlines()
        causes = [line.removeprefix(_CAUSE).strip() for line in lines if line.startswith(_CAUSE)]
        return "\n".join([*causes[-1:], *lines[:1]])

    def lag_records(self, job_id: str) -> int | None:
        """Return how many records of its topics a job has not read, None where no source says."""
        total = None
        for vertex in self._request("GET", f"/jobs/{job_id}")["vertices"]:
            path = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/metrics"
            names = [m["id"] for m in self._request("GET", path) if m["id"].endswith(_PENDING)]
            if names:
                options = {"get": ",".join(names), "agg": "sum"}
                values = self._request("GET", path, params=options)
                total = (total or 0) + sum(int(value["sum"]) for value in values)
        return total
