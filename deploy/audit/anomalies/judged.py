"""All that the rules say of a run, and what they have looked at."""

from collections.abc import Mapping

import msgspec

from contracts.live import Anomaly
from deploy.audit.anomalies.sightings import Sightings, sightings
from deploy.audit.anomalies.silences import silences
from deploy.audit.anomalies.tracks import Track
from deploy.audit.columns import NO_TIME, Booleans
from deploy.audit.log import TopicLog


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts that the log gives, without identifiers: evidence tells them apart."""

    alerts: list[Anomaly]
    pings: Sightings
    statuses: Sightings
    is_rejected: Booleans
    """Which of the pings are outliers or impossible, copies included."""
    clock_ms: int
    """The run's newest event time, in the log of its pings."""


def judge(
    run_id: str,
    pings: TopicLog,
    statuses: TopicLog,
    before: tuple[Mapping[int, int], Mapping[int, int]] = ({}, {}),
) -> Judged:
    """Return what the rules say of a run.

    Args:
        run_id: Goes into the alerts.
        pings: The run's part of the topic of pings.
        statuses: The run's part of the topic of statuses.
        before: What of both topics came before the run and was seen by the job: newest event time
            by partition.
    """
    clock_ms = pings.entities.newest_ms if pings.entities is not None else NO_TIME
    seen, known = sightings(pings, before[0]), sightings(statuses, before[1])
    track = Track(run_id, pings, seen)
    alerts = [*track.rejections(), *track.standstills()]
    alerts += silences(run_id, seen, known, clock_ms)
    return Judged(
        alerts=alerts, pings=seen, statuses=known, is_rejected=track.is_rejected, clock_ms=clock_ms
    )
