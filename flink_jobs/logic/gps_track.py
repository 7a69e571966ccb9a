"""Which pings of one entity to believe: outliers, impossible speeds, and a point that stands still.

Pings come by event time, each with the one before it. Not all come: windows in which all is surely
good are left out, so what is said of a ping that does not come is that it was accepted (`sign_ms`
and `sql/flink/jobs/gps_anomalies/candidates.sql` say which come). A rejected ping is compared with
nothing: the next one is compared with the last that was accepted.

What is lost when it is lost: the point before a run of rejected pings, so the next ping is compared
with a rejected one and may be rejected too; at most once per entity.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs

from contracts.anomalies import (
    ANOMALY_RULE_VERSION,
    FROZEN_AFTER_MS,
    FROZEN_STATUSES,
    SEVERITIES,
    AnomalyKind,
    AnomalyPhase,
    outlier_reason,
)
from contracts.events import EntityType
from contracts.live import Anomaly
from contracts.rules import (
    IMPOSSIBLE_SPEED_KMH,
    great_circle_m,
    is_impossible_speed,
    speed_kmh,
)
from flink_jobs.logic.ping_windows import Ping
from flink_jobs.logic.surge_deltas import Step

_NAMESPACE: Final = uuid.UUID("6f1d3c1e-52a0-5b7e-9a53-0d9b1a4f6c11")
"""Of anomaly ids; any constant would do."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where an entity was, degrees, and when, epoch milliseconds."""

    at_ms: int
    lat: float
    lon: float

    def is_at(self, other: "Point") -> bool:
        """Return whether both are the same place."""
        return (self.lat, self.lon) == (other.lat, other.lon)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ping to look at; `previous` is the one before it by event time, if there is one."""

    run_id: str
    entity_id: str
    entity_type: EntityType
    event_id: str
    point: Point
    accuracy_m: float
    status: str | None
    previous: Point | None


@dataclass(frozen=True, slots=True)
class Standstill:
    """A moving driver's pings from one point: since when, until when, and the alert if raised."""

    since: Point
    until_ms: int
    event_id: str
    anomaly_id: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of one entity.

    Attributes:
        newest_ms: Event time of the newest candidate.
        event_ids: Events of that instant, to know a copy.
        rejected: The newest candidate, if it was rejected.
        reference: The last accepted ping before it, if there was one.
        standstill: The present run of pings from one point, if there is one.
    """

    newest_ms: int
    event_ids: tuple[str, ...]
    rejected: Point | None = None
    reference: Point | None = None
    standstill: Standstill | None = None


def anomaly_id(kind: AnomalyKind, run_id: str, evidence: str) -> str:
    """Return the identifier of an anomaly: the same evidence gives the same."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}|{run_id}|{evidence}"))


def sign_ms(pings: Iterable[Ping], before: Ping | None) -> int | None:
    """Return the newest sign in a window that something is wrong, None without any.

    A jump or a standstill counts by its event time: rejections may follow it for long. An outlier,
    or a first ping after one, concerns this window alone and is 0.

    Args:
        pings: Those of one entity's window, by event time.
        before: The last ping before the window.
    """
    sign = None
    was_outlier = before is not None and _is_outlier(before)
    for ping in pings:
        is_outlier = _is_outlier(ping)
        if before is not None and (_is_jump(before, ping) or _is_standstill(before, ping)):
            sign = ping.at_ms
        elif is_outlier or was_outlier:
            sign = sign or 0
        before, was_outlier = ping, is_outlier
    return sign


def candidates(
    run_id: str,
    entity_id: str,
    entity_type: EntityType,
    pings: Iterable[Ping],
    before: Ping | None,
) -> Iterator[Candidate]:
    """Yield the pings of one entity's window, each with the one before it."""
    previous = None if before is None else _point(before)
    for ping in pings:
        point = _point(ping)
        yield Candidate(
            run_id=run_id,
            entity_id=entity_id,
            entity_type=entity_type,
            event_id=ping.event_id,
            point=point,
            accuracy_m=ping.accuracy_m,
            status=ping.status,
            previous=previous,
        )
        previous = point


def on_candidate(state: Track | None, ping: Candidate) -> Step[Track, Anomaly]:
    """Return what one ping says."""
    at_ms = ping.point.at_ms
    known = state.event_ids if state is not None and state.newest_ms == at_ms else ()
    if ping.event_id in known:
        return Step(state)
    event_ids = (*known, ping.event_id)
    reference = _reference(state, ping)
    standstill, said = _stand(state.standstill if state else None, ping)
    fault = _outlier(ping) or _too_fast(ping, reference)
    if fault is None:
        return Step(Track(at_ms, event_ids, standstill=standstill), said)
    rejected = Track(at_ms, event_ids, ping.point, reference, standstill)
    return Step(rejected, (fault, *said))


def _point(ping: Ping) -> Point:
    return Point(ping.at_ms, ping.lat, ping.lon)


def _is_outlier(ping: Ping) -> bool:
    return outlier_reason(ping.lat, ping.lon, ping.accuracy_m) is not None


def _is_jump(before: Ping, ping: Ping) -> bool:
    elapsed_ms = ping.at_ms - before.at_ms
    return is_impossible_speed(before.lat, before.lon, ping.lat, ping.lon, elapsed_ms)


def _is_standstill(before: Ping, ping: Ping) -> bool:
    is_same_place = (before.lat, before.lon) == (ping.lat, ping.lon)
    return is_same_place and ping.at_ms > before.at_ms and ping.status in FROZEN_STATUSES


def _reference(state: Track | None, ping: Candidate) -> Point | None:
    """Return the last accepted ping before this one."""
    if state is not None and state.rejected is not None and state.rejected == ping.previous:
        return state.reference
    return ping.previous


def _outlier(ping: Candidate) -> Anomaly | None:
    reason = outlier_reason(ping.point.lat, ping.point.lon, ping.accuracy_m)
    if reason is None:
        return None
    return _anomaly(AnomalyKind.OUTLIER, ping, reason, ping.previous)


def _too_fast(ping: Candidate, reference: Point | None) -> Anomaly | None:
    if reference is None:
        return None
    here = ping.point
    moved_m = great_circle_m(reference.lat, reference.lon, here.lat, here.lon)
    elapsed_ms = here.at_ms - reference.at_ms
    if speed_kmh(moved_m, elapsed_ms) <= IMPOSSIBLE_SPEED_KMH:
        return None
    reason = "too_fast" if elapsed_ms else "two_places_at_once"
    return _anomaly(AnomalyKind.IMPOSSIBLE_SPEED, ping, reason, reference)


def _stand(
    present: Standstill | None, ping: Candidate
) -> tuple[Standstill | None, tuple[Anomaly, ...]]:
    """Return the run of pings from one point after this ping, and what that says."""
    before, here = ping.previous, ping.point
    is_standing = before is not None and before.is_at(here) and ping.status in FROZEN_STATUSES
    if present is not None and not (
        is_standing and present.since.is_at(here) and before and before.at_ms == present.until_ms
    ):
        cleared = _standstill_anomaly(present, ping, AnomalyPhase.CLEARED)
        following, said = _stand(None, ping)
        return following, (*cleared, *said)
    if not is_standing or before is None:
        return None, ()
    run = present or Standstill(before, before.at_ms, ping.event_id)
    run = replace(run, until_ms=here.at_ms)
    if run.anomaly_id is None and here.at_ms - run.since.at_ms >= FROZEN_AFTER_MS:
        identifier = anomaly_id(
            AnomalyKind.FROZEN_GPS, ping.run_id, f"{ping.entity_id}|{run.since.at_ms}"
        )
        run = replace(run, anomaly_id=identifier)
        return run, _standstill_anomaly(run, ping, AnomalyPhase.RAISED)
    return run, ()


def _standstill_anomaly(
    run: Standstill, ping: Candidate, phase: AnomalyPhase
) -> tuple[Anomaly, ...]:
    if run.anomaly_id is None:
        return ()
    lasted_ms = (run.until_ms if phase is AnomalyPhase.CLEARED else ping.point.at_ms) - (
        run.since.at_ms
    )
    found = _anomaly(AnomalyKind.FROZEN_GPS, ping, "same_point", run.since)
    return (structs.replace(found, anomaly_id=run.anomaly_id, phase=phase, lasted_ms=lasted_ms),)


def _anomaly(kind: AnomalyKind, ping: Candidate, reason: str, previous: Point | None) -> Anomaly:
    here = ping.point
    moved_m = speed = None
    if previous is not None:
        moved_m = round(great_circle_m(previous.lat, previous.lon, here.lat, here.lon), 3)
        elapsed_ms = here.at_ms - previous.at_ms
        speed = round(speed_kmh(moved_m, elapsed_ms), 3) if elapsed_ms else None
    return Anomaly(
        anomaly_id=anomaly_id(kind, ping.run_id, ping.event_id),
        kind=kind,
        phase=AnomalyPhase.RAISED,
        severity=SEVERITIES[kind],
        rule_version=ANOMALY_RULE_VERSION,
        reason=reason,
        entity_id=ping.entity_id,
        entity_type=ping.entity_type,
        event_time_ms=here.at_ms,
        run_id=ping.run_id,
        event_id=ping.event_id,
        lat=here.lat,
        lon=here.lon,
        accuracy_m=ping.accuracy_m,
        previous_event_time_ms=previous.at_ms if previous else None,
        previous_lat=previous.lat if previous else None,
        previous_lon=previous.lon if previous else None,
        distance_m=moved_m,
        speed_kmh=speed,
    )
