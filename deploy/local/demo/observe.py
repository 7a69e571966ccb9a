"""What the demo asks the running parts: the city, the jobs, the live side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from deploy.local.flink_rest import FlinkRefusedError, FlinkRest, FlinkUnavailableError
from deploy.local.layout import Layout

_TIMEOUT_S: Final = 5.0
_ALARMS: Final = 5


@dataclass(frozen=True, slots=True)
class JobLag:
    """One running job: records it has not read yet, None where it does not say."""

    name: str
    job_id: str
    state: str
    lag_records: int | None
    checkpoints: int
    restarts: int

    @property
    def has_read_everything(self) -> bool:
        """Return whether no record waits.

        Flink counts waiting records from the first one that a source fetched: a job that has taken
        checkpoints and has no count was given nothing to read.
        """
        return self.lag_records == 0 or (self.lag_records is None and self.checkpoints > 0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the summary shows, as of one moment; what did not answer is empty."""

    city: Mapping[str, Any] = field(default_factory=dict)
    jobs: tuple[JobLag, ...] = ()
    live: Mapping[str, Any] = field(default_factory=dict)
    zones: tuple[Mapping[str, Any], ...] = ()
    alarms: tuple[Mapping[str, Any], ...] = ()


class Observer:
    """Asks the city, Flink and the API of one stack; a part that is away gives an empty answer."""

    def __init__(self, layout: Layout) -> None:
        self._flink = FlinkRest(layout.url("flink"))
        key = (layout.home / "secrets" / "api_key").read_text(encoding="utf-8").strip()
        headers = {"X-API-Key": key}
        self._api = httpx.Client(
            base_url=layout.url("api"), headers=headers, timeout=_TIMEOUT_S, trust_env=False
        )
        self._sim = httpx.Client(
            base_url=layout.url("sim"), headers=headers, timeout=_TIMEOUT_S, trust_env=False
        )

    def snapshot(self) -> Snapshot:
        """Return what every part says now."""
        return Snapshot(
            city=self.city(),
            jobs=self.jobs(),
            live=_answer(self._api, "/api/v1/stats"),
            zones=tuple(_answer(self._api, "/api/v1/surge").get("zones", ())),
            alarms=tuple(
                _answer(self._api, f"/api/v1/anomalies?phase=raised&limit={_ALARMS}").get(
                    "anomalies", ()
                )
            ),
        )

    def city(self) -> Mapping[str, Any]:
        """Return the simulator's status."""
        return _answer(self._sim, "/status")

    def positions(self) -> dict[str, tuple[float, float]]:
        """Return where up to 200 entities are, by identifier."""
        found = _answer(self._api, "/api/v1/positions?bbox=-47.5,-24.5,-45.5,-22.5&limit=200")
        return {p["entity_id"]: (p["lat"], p["lon"]) for p in found.get("positions", ())}

    def jobs(self) -> tuple[JobLag, ...]:
        """Return the jobs that have not ended, with their lag."""
        try:
            return tuple(
                JobLag(
                    name=job.name,
                    job_id=job.job_id,
                    state=job.state if not job.is_computing else "RUNNING",
                    lag_records=self._flink.lag_records(job.job_id),
                    checkpoints=self._flink.checkpoints(job.job_id)["completed"],
                    restarts=self._flink.restarts(job.job_id),
                )
                for job in sorted(self._flink.jobs(), key=lambda job: job.name)
                if not job.has_ended
            )
        except (FlinkUnavailableError, FlinkRefusedError):
            # the supervisor brings the JobManager back; the next snapshot shows it
            return ()


def _answer(client: httpx.Client, path: str) -> dict[str, Any]:
    try:
        answer = client.get(path)
        answer.raise_for_status()
        body = answer.json()
    except (httpx.HTTPError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
