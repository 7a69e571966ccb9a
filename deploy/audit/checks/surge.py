"""`rideshare.zone_metrics` against the truth, window by window, and Redis against the topic.

A record that came later than the job allows may change windows of its zone; those are counted
apart. Which records these are follows from the order of the log alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from contracts.live import ZoneMetrics
from contracts.rules import (
    SURGE_OUT_OF_ORDERNESS_MS,
    SURGE_SLIDE_MS,
    SURGE_SLIDES_PER_WINDOW,
)
from deploy.audit.columns import NO_TIME
from deploy.audit.ledger import Status, Transition, Truth
from deploy.audit.log import PARTITION_SHIFT, TopicLog
from deploy.audit.report import Check, Verdict, compared, not_built, note, shown
from deploy.audit.truth_windows import Key, expected_windows, tick_at_or_after

AREA: Final = "stream"
TOPIC: Final = "rideshare.zone_metrics"
SETTLING_MS: Final = 60_000
"""Subtasks of the job go at different paces: windows this close to the newest may be under way."""
_AFTERMATH_TICKS: Final = SURGE_SLIDES_PER_WINDOW + 1
"""A wrong count stays in the mean for a window's length; the closing record follows."""


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """The records of the topic: the run's own, those of its keys with two values, the newest."""

    own: dict[Key, ZoneMetrics]
    conflicts: list[Key] = []
    newest: dict[int, ZoneMetrics] = {}
    """Newest window of each zone: of the run that began last, then the last one."""


class WindowRecords:
    """Collects the records of the topic as they come."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._own: dict[Key, ZoneMetrics] = {}
        self._conflicts: set[Key] = set()
        self._newest: dict[tuple[int, str], ZoneMetrics] = {}
        self._began_ms: dict[str, int] = {}

    def add(self, metrics: ZoneMetrics, timestamp_ms: int) -> None:
        """Take a record, with the wall time at which it was written."""
        zone, end_ms, run_id = metrics.zone_id, metrics.window_end_ms, metrics.run_id
        self._began_ms[run_id] = min(self._began_ms.get(run_id, timestamp_ms), timestamp_ms)
        newest = self._newest.get((zone, run_id))
        if newest is None or newest.window_end_ms <= end_ms:
            self._newest[zone, run_id] = metrics
        if run_id == self._run_id:
            if self._own.setdefault((zone, end_ms), metrics) != metrics:
                self._conflicts.add((zone, end_ms))
            self._own[zone, end_ms] = metrics

    def windows(self) -> Windows:
        """Return what was collected."""
        in_order = sorted(self._newest.values(), key=lambda m: self._began_ms[m.run_id])
        return Windows(
            own=self._own,
            conflicts=sorted(self._conflicts),
            newest={metrics.zone_id: metrics for metrics in in_order},
        )


class Late(msgspec.Struct, frozen=True):
    """A record that came too late to count at its time, and when it counts instead."""

    event_id: str
    event_time_ms: int
    effective_ms: int


def watermark_ms(logs: Iterable[TopicLog]) -> int:
    """Return the instant up to which ticks are closed: behind the slowest partition."""
    slowest = None
    for log in logs:
        partitions = log.place >> PARTITION_SHIFT
        for partition in log.ends:
            times = log.event_time_ms[partitions == partition]
            newest = int(times.max()) if len(times) else NO_TIME
            slowest = newest if slowest is None else min(slowest, newest)
    return NO_TIME if slowest is None else slowest - SURGE_OUT_OF_ORDERNESS_MS - 1


def late_records(log: TopicLog) -> Iterator[Late]:
    """Yield the events that lie further behind their partition's newest than allowed."""
    first_copies = log.first_copies()
    partitions = log.place >> PARTITION_SHIFT
    for partition in np.unique(partitions):
        rows = np.flatnonzero(partitions == partition)
        times = log.event_time_ms[rows]
        effective = np.maximum.accumulate(times) - SURGE_OUT_OF_ORDERNESS_MS
        for row in rows[(times < effective) & first_copies[rows]].tolist():
            at = int(effective[np.searchsorted(rows, row)])
            yield Late(str(log.event_id[row].as_py()), int(log.event_time_ms[row]), at)


def touched_windows(truth: Truth, late: Iterable[Late]) -> set[Key]:
    """Return the windows that late (or, in a lossy run, dropped) records can explain."""
    trips = {change.event_id: change for change in truth.transitions}
    statuses = {status.event_id: status for status in truth.statuses}
    before = _previous(truth.statuses)
    spans = [(event.event_id, event.event_time_ms, event.effective_ms) for event in late]
    if truth.is_lossy:
        end_ms = (truth.last_event_time_ms or 0) + SURGE_SLIDE_MS
        for fault in truth.faults:
            event = trips.get(fault.event_id) or statuses.get(fault.event_id)
            if fault.fault == "dropped" and event is not None:
                spans.append((fault.event_id, event.event_time_ms, end_ms))
    touched: set[Key] = set()
    for event_id, from_ms, to_ms in spans:
        for zone in _zones_of(event_id, trips, statuses, before):
            last = tick_at_or_after(to_ms) + _AFTERMATH_TICKS
            touched.update(
                (zone, tick * SURGE_SLIDE_MS) for tick in range(tick_at_or_after(from_ms), last + 1)
            )
    return touched


def _previous(statuses: Iterable[Status]) -> dict[str, Status]:
    ordered = sorted(statuses, key=lambda s: (s.driver_id, s.event_time_ms, s.event_id))
    return {
        after.event_id: status
        for status, after in pairwise(ordered)
        if status.driver_id == after.driver_id
    }


def _zones_of(
    event_id: str,
    trips: Mapping[str, Transition],
    statuses: Mapping[str, Status],
    before: Mapping[str, Status],
) -> set[int]:
    zones: set[int | None] = set()
    if event_id in trips:
        zones.add(trips[event_id].pickup_zone_id)
    if event_id in statuses:
        zones.add(statuses[event_id].zone_id)
        previous = before.get(event_id)
        zones.add(previous.zone_id if previous is not None else None)
    return {zone for zone in zones if zone is not None}


def check_windows(
    truth: Truth, trips: TopicLog, statuses: TopicLog, actual: Windows | None
) -> list[Check]:
    """Return the comparison of all windows, those that late records touch apart."""
    subject = f"{TOPIC} = truth"
    until_ms = watermark_ms((trips, statuses))
    if not truth.is_ended:
        # The ledger is written in batches: the truth of the newest moments may be on its way.
        until_ms = min(until_ms, (truth.last_event_time_ms or 0) - SETTLING_MS)
    expected = expected_windows(truth.transitions, truth.statuses, until_ms, truth.run_id)
    if actual is None:
        return [not_built(AREA, subject, len(expected), f"no topic {TOPIC}: farol up")]
    own = {
        key: _judged(metrics)
        for key, metrics in actual.own.items()
        if metrics.window_end_ms <= until_ms
    }
    if expected and not own:
        return [not_built(AREA, subject, len(expected), "no window of this run: job surge")]
    late = [*late_records(trips), *late_records(statuses)]
    touched = touched_windows(truth, late)
    apart = sorted(touched & (expected.keys() | own.keys()))
    checks = [_plain_windows(subject, expected, own, touched)]
    if apart or late:
        differing = [key for key in apart if own.get(key) != expected.get(key)]
        checks.append(
            note(
                AREA,
                f"{TOPIC}: late",
                f"{len(apart)} windows",
                f"touched by {len(late)} late records; {len(differing)} differ from the truth",
                (_name(key) for key in differing),
            )
        )
    conflicts = [key for key in actual.conflicts if key in own]
    checks.append(
        compared(
            AREA,
            f"{TOPIC}: one value per window",
            0,
            len(conflicts),
            offenders=map(_name, conflicts),
        )
    )
    return checks


def _judged(metrics: ZoneMetrics) -> ZoneMetrics:
    """Return what the truth knows of a window: it keeps no offers."""
    return msgspec.structs.replace(metrics, acceptance=None, mean_pickup_eta_s=None)


def _plain_windows(
    subject: str,
    expected: Mapping[Key, ZoneMetrics],
    own: Mapping[Key, ZoneMetrics],
    touched: set[Key],
) -> Check:
    plain = {key: metrics for key, metrics in expected.items() if key not in touched}
    found = {key: metrics for key, metrics in own.items() if key not in touched}
    newest_ms = max((end_ms for _, end_ms in own), default=0)
    missing = sorted(plain.keys() - found.keys())
    coming = [key for key in missing if key[1] > newest_ms - SETTLING_MS]
    offenders = [f"{_name(key)} missing" for key in missing if key[1] <= newest_ms - SETTLING_MS]
    offenders += [f"{_name(key)} not in the truth" for key in sorted(found.keys() - plain.keys())]
    offenders += [
        f"{_name(key)} is {_values(found[key])}, truly {_values(metrics)}"
        for key, metrics in sorted(plain.items())
        if key in found and found[key] != metrics
    ]
    verdict = Verdict.BEHIND if coming else Verdict.OK
    return Check(
        area=AREA,
        subject=subject,
        expected=f"{len(plain)} windows",
        actual=f"{len(found)} windows",
        verdict=Verdict.DIFFERENT if offenders else verdict,
        detail=f"{len(coming)} not there yet" if coming else "",
        offenders=shown(offenders),
    )


def check_redis(
    actual: Windows | None, hashed: Mapping[int, ZoneMetrics] | None, *, is_ended: bool
) -> Check:
    """Return whether Redis holds the newest window of each zone that the topic has."""
    subject = f"Redis = newest of {TOPIC}"
    newest = actual.newest if actual is not None else {}
    if hashed is None or (newest and not hashed):
        return not_built(AREA, subject, len(newest), "Redis has no zones: feeder")
    behind = [
        zone
        for zone, metrics in newest.items()
        if zone not in hashed or hashed[zone].window_end_ms < metrics.window_end_ms
    ]
    offenders = [
        f"zone {zone}: {_values(metrics)}"
        for zone, metrics in sorted(hashed.items())
        if zone not in behind
        and metrics != newest.get(zone)
        and (is_ended or not _ahead(metrics, newest))
    ]
    verdict = Verdict.BEHIND if behind else Verdict.OK
    return Check(
        area=AREA,
        subject=subject,
        expected=f"{len(newest)} zones",
        actual=f"{len(hashed)} zones",
        verdict=Verdict.DIFFERENT if offenders else verdict,
        detail=f"{len(behind)} zones behind: {sorted(behind)[:5]}" if behind else "",
        offenders=shown(offenders),
    )


def _ahead(metrics: ZoneMetrics, newest: Mapping[int, ZoneMetrics]) -> bool:
    """Redis is read after the topic: in a run that goes on it may know more."""
    known = newest.get(metrics.zone_id)
    return known is None or metrics.window_end_ms > known.window_end_ms


def _name(key: Key) -> str:
    return f"zone {key[0]} window end {key[1]}"


def _values(metrics: ZoneMetrics) -> str:
    return (
        f"open {metrics.open_requests} idle {metrics.idle_drivers} ratio {metrics.ratio:g} "
        f"smoothed {metrics.smoothed_ratio:g} multiplier {metrics.multiplier}"
    )
