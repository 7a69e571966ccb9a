"""Faults that were planned against alerts that were told: recall per fault, precision per kind.

A fault that the rules cannot see is counted apart, with the reason; one that they can see and that
is not told is a difference. An alert is false where no fault of its entity was planned nearby; it
may follow from the rules all the same (`anomalies.check_log` says so), which makes it a note.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.anomalies import (
    FROZEN_AFTER_MS,
    REJECTION_LIMIT_MS,
    ZOMBIE_SILENCE_MS,
    AnomalyKind,
    AnomalyPhase,
)
from contracts.domain import GPS_PINGS
from contracts.live import Anomaly
from deploy.audit.anomalies.judged import Judged
from deploy.audit.anomalies.silences import shifts
from deploy.audit.checks.alerts import Alerts, name_of
from deploy.audit.checks.anomalies import AREA, is_coming
from deploy.audit.columns import NO_TIME
from deploy.audit.ledger import Truth
from deploy.audit.log import TopicLog
from deploy.audit.report import Check, Verdict, note, shown

NEARBY_MS: Final = REJECTION_LIMIT_MS
"""A fault can have no effect on single pings longer than this."""


class Expectation(NamedTuple):
    """What a fault shall be told as; `is_lasting` where one fault is many records of an entity."""

    kinds: frozenset[AnomalyKind]
    is_lasting: bool = False


EXPECTATIONS: Final[Mapping[str, Expectation]] = MappingProxyType(
    {
        "teleport": Expectation(frozenset({AnomalyKind.OUTLIER, AnomalyKind.IMPOSSIBLE_SPEED})),
        "inaccurate": Expectation(frozenset({AnomalyKind.OUTLIER})),
        "silent_driver": Expectation(frozenset({AnomalyKind.ZOMBIE_DRIVER}), is_lasting=True),
        "frozen_gps": Expectation(frozenset({AnomalyKind.FROZEN_GPS}), is_lasting=True),
    }
)
"""By fault of the ledger; of other faults nothing is expected."""


class Cause(NamedTuple):
    """A planned fault: of one event, or of an entity from one instant to another."""

    fault: str
    entity_id: str
    event_id: str
    first_ms: int
    last_ms: int

    def explains(self, alert: Anomaly) -> bool:
        """Return whether the alert tells this fault."""
        kinds, is_lasting = EXPECTATIONS[self.fault]
        if alert.kind not in kinds or alert.entity_id != self.entity_id:
            return False
        if not is_lasting:
            return alert.event_id == self.event_id
        since_ms = alert.previous_event_time_ms or alert.event_time_ms
        return since_ms <= self.last_ms and alert.event_time_ms >= self.first_ms

    def is_near(self, alert: Anomaly) -> bool:
        """Return whether the alert may be a consequence of this fault."""
        return self.first_ms - NEARBY_MS <= alert.event_time_ms <= self.last_ms + NEARBY_MS


def causes(truth: Truth) -> list[Cause]:
    """Return the planned faults that shall be told as anomalies."""
    lasting: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    found = []
    for fault in truth.faults:
        expectation = EXPECTATIONS.get(fault.fault)
        if fault.topic != GPS_PINGS.name or expectation is None:
            continue
        at_ms = fault.event_time_ms
        if expectation.is_lasting:
            lasting[fault.fault, fault.entity_id, fault.detail or ""].append(at_ms)
        else:
            found.append(Cause(fault.fault, fault.entity_id, fault.event_id, at_ms, at_ms))
    for (fault_kind, entity, detail), times in lasting.items():
        found.append(Cause(fault_kind, entity, detail, min(times), max(times)))
    return sorted(found, key=lambda cause: cause.first_ms)


def check_truth(
    truth: Truth, pings: TopicLog, judged: Judged, alerts: Alerts, until_ms: int
) -> list[Check]:
    """Return recall per fault and precision per kind.

    Args:
        truth: With the faults that were planned.
        pings: The run's part of the topic of pings.
        judged: What the rules say of the log.
        alerts: What the topic holds.
        until_ms: Event time up to which the job has an answer.
    """
    planned = [cause for cause in causes(truth) if cause.first_ms <= until_ms]
    expected = _by_entity(alert for alert in judged.alerts if alert.event_time_ms <= until_ms)
    told = _by_entity(alert for alert in alerts.own.values() if alert.event_time_ms <= until_ms)
    reasons = _Reasons(pings, judged, min(until_ms, judged.clock_ms), planned)
    checks = []
    for fault in EXPECTATIONS:
        own = [cause for cause in planned if cause.fault == fault]
        if own:
            checks.append(_recall(fault, own, expected, told, reasons, alerts.newest_ms))
    return checks + _precision(planned, told)


def _by_entity(alerts: Iterable[Anomaly]) -> dict[str, list[Anomaly]]:
    """Return beginnings by entity."""
    found: dict[str, list[Anomaly]] = defaultdict(list)
    for alert in alerts:
        if alert.phase is AnomalyPhase.RAISED:
            found[alert.entity_id].append(alert)
    return found


def _recall(
    fault: str,
    planned: list[Cause],
    expected: Mapping[str, list[Anomaly]],
    told: Mapping[str, list[Anomaly]],
    reasons: "_Reasons",
    newest_ms: int,
) -> Check:
    detectable = found = coming = 0
    unseen: Counter[str] = Counter()
    offenders = []
    for cause in planned:
        due = next((a for a in expected.get(cause.entity_id, ()) if cause.explains(a)), None)
        is_told = any(cause.explains(alert) for alert in told.get(cause.entity_id, ()))
        reason = reasons.of(cause) if due is None and not is_told else ""
        if reason:
            unseen[reason] += 1
            continue
        detectable += 1
        found += is_told
        if not is_told and due is not None and is_coming(due, newest_ms):
            coming += 1
        elif not is_told:
            offenders.append(f"{fault} {cause.entity_id} at {cause.first_ms} not told")
    recall = f"recall {found / detectable:.3f}" if detectable else ""
    apart = f"{unseen.total()} of {len(planned)} cannot be seen: " + ", ".join(
        f"{count} {reason}" for reason, count in unseen.most_common()
    )
    verdict = Verdict.BEHIND if coming else Verdict.OK
    return Check(
        area=AREA,
        subject=f"{fault}: told",
        expected=f"{detectable} faults",
        actual=f"{found} faults",
        verdict=Verdict.DIFFERENT if offenders else verdict,
        detail="; ".join(filter(None, (recall, apart if unseen else ""))),
        offenders=shown(offenders),
    )


def _precision(planned: list[Cause], told: Mapping[str, list[Anomaly]]) -> list[Check]:
    by_entity: dict[str, list[Cause]] = defaultdict(list)
    for cause in planned:
        by_entity[cause.entity_id].append(cause)
    checks = []
    for kind in AnomalyKind:
        direct = nearby = 0
        false: list[Anomaly] = []
        for entity, alerts in told.items():
            for alert in (alert for alert in alerts if alert.kind is kind):
                if any(cause.explains(alert) for cause in by_entity.get(entity, ())):
                    direct += 1
                elif any(cause.is_near(alert) for cause in by_entity.get(entity, ())):
                    nearby += 1
                else:
                    false.append(alert)
        total = direct + nearby + len(false)
        if not total:
            continue
        figure = f"{(direct + nearby) / total:.3f}"
        parts = (f"{direct} of {total} planned", f"{nearby} in the wake of a planned fault")
        detail = ", ".join(parts if nearby else parts[:1])
        if false:
            detail += f", {len(false)} without one"
            names = map(name_of, sorted(false, key=lambda alert: alert.event_time_ms))
            checks.append(note(AREA, f"{kind.value}: precision", figure, detail, names))
            continue
        checks.append(
            Check(
                area=AREA,
                subject=f"{kind.value}: precision",
                expected="",
                actual=figure,
                verdict=Verdict.OK,
                detail=detail,
            )
        )
    return checks


class _Reasons:
    """Why a fault cannot be seen by the rules, from the log alone."""

    def __init__(
        self, pings: TopicLog, judged: Judged, clock_ms: int, planned: Iterable[Cause]
    ) -> None:
        self._judged = judged
        self._clock_ms = clock_ms
        self._tracks = judged.pings.by_name()
        self._shifts = shifts(judged.statuses)
        ids = pa.array([cause.event_id for cause in planned], pa.string())
        rows = np.flatnonzero(pc.is_in(pings.event_id, value_set=ids).to_numpy(False))
        self._logged = set(map(str, pings.event_id.take(rows).to_pylist()))
        at = np.flatnonzero(np.isin(judged.pings.row, rows))
        names = map(str, pings.event_id.take(judged.pings.row[at]).to_pylist())
        self._places = dict(zip(names, at.tolist(), strict=True))

    def of(self, cause: Cause) -> str:
        """Return the reason, empty if there is none: then it should have been seen."""
        if cause.fault == "silent_driver":
            return self._of_silence(cause)
        return self._of_freeze(cause) if cause.fault == "frozen_gps" else self._of_ping(cause)

    def _of_ping(self, cause: Cause) -> str:
        if cause.event_id not in self._logged:
            return "not on the topic"
        at = self._places.get(cause.event_id)
        if at is None:
            return "late"
        first = self._tracks[cause.entity_id].start
        if self._judged.is_rejected[first:at].all():
            return "without an accepted ping before"
        return "" if self._judged.is_rejected[at] else "within the limits of the rules"

    def _of_freeze(self, cause: Cause) -> str:
        """Return why a receiver's standstill is none by the rules: see `FROZEN_AFTER_MS`."""
        own = self._tracks.get(cause.entity_id, slice(0, 0))
        pings = self._judged.pings
        first, last = np.searchsorted(pings.at_ms[own], (cause.first_ms, cause.last_ms + 1))
        # the ping that froze comes before the first that repeats it
        rows = slice(own.start + max(int(first) - 1, 0), own.start + int(last))
        places = np.stack((pings.lat[rows], pings.lon[rows]))
        moved = np.flatnonzero((np.diff(places) != 0).any(axis=0)) + 1
        ends = np.concatenate(([0], moved, [places.shape[1]]))
        times = pings.at_ms[rows]
        spans = [times[end - 1] - times[start] for start, end in pairwise(ends) if end > start]
        is_long = max(spans, default=0) >= FROZEN_AFTER_MS
        return "" if is_long else "shorter than a minute, or interrupted"

    def _of_silence(self, cause: Cause) -> str:
        own = self._tracks.get(cause.entity_id, slice(0, 0))
        times = self._judged.pings.at_ms[own]
        at = int(np.searchsorted(times, cause.first_ms))
        heard_ms = int(times[at - 1]) if at else NO_TIME
        changes = self._shifts.get(cause.entity_id, [])
        was_on = [is_on for at_ms, is_on in changes if at_ms <= heard_ms]
        later = [(at_ms, is_on) for at_ms, is_on in changes if at_ms > heard_ms]
        if not (was_on and was_on[-1]):
            heard_ms = next((at_ms for at_ms, is_on in later if is_on), NO_TIME)
        if heard_ms == NO_TIME:
            return "not on shift"
        due_ms = heard_ms + ZOMBIE_SILENCE_MS
        if at < len(times) and times[at] <= due_ms:
            return "heard again within ten minutes"
        if due_ms > self._clock_ms:
            return "with less than ten minutes to the end of the run"
        if any(not is_on and heard_ms < at_ms <= due_ms for at_ms, is_on in later):
            return "off shift within ten minutes"
        return ""
