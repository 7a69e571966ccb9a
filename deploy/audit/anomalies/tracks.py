"""Single pings as the rules judge them: outliers, impossible speeds, and points that stand still.

A ping is compared with the last accepted one of its entity. Nearly all follow an accepted one and
are accepted themselves, which is seen in columns at once; the few others are looked at one by one.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import h3
import msgspec
import numpy as np

from contracts.anomalies import (
    ANOMALY_RULE_VERSION,
    FROZEN_AFTER_MS,
    FROZEN_STATUSES,
    OUTLIER_ACCURACY_M,
    SEVERITIES,
    AnomalyKind,
    AnomalyPhase,
    accepted_cells,
    outlier_reason,
)
from contracts.events import EntityType
from contracts.live import Anomaly
from contracts.rules import EARTH_RADIUS_M, IMPOSSIBLE_SPEED_KMH, great_circle_m, speed_kmh
from contracts.zones import CELL_RESOLUTION
from deploy.audit.anomalies.sightings import Sightings
from deploy.audit.columns import Booleans
from deploy.audit.entities import STATUSES
from deploy.audit.log import TopicLog

_A_LITTLE_KMH: Final = 0.001
"""NumPy's sines and Python's differ in the last digit: columns let through a little more."""
_TILES_PER_DEGREE: Final = 100
_TILE_ROW: Final = 100_000
"""More than there are columns: row and column of a tile make one number."""
_MOVING: Final = tuple(code for code, status in enumerate(STATUSES) if status in FROZEN_STATUSES)


class _Point(NamedTuple):
    at_ms: int
    lat: float
    lon: float


class Track:
    """Judges single pings of all entities."""

    def __init__(self, run_id: str, log: TopicLog, pings: Sightings) -> None:
        self._run_id = run_id
        self._log = log
        self._pings = pings
        self._said: set[str] = set()
        self.is_rejected = np.zeros(len(pings.at_ms), dtype=np.bool_)

    def rejections(self) -> Iterator[Anomaly]:
        """Yield outliers and impossible speeds.

        What is no suspect follows an accepted ping and is accepted. From a suspect on, pings are
        looked at one by one until one is accepted.
        """
        pings = self._pings
        done = -1
        for suspect in np.flatnonzero(_jumps(pings) | _may_be_outliers(pings)).tolist():
            if suspect <= done:
                continue
            accepted = None if pings.is_first[suspect] else suspect - 1
            done = suspect
            while (alert := self._fault(done, accepted)) is not None:
                self.is_rejected[done] = True
                if alert.event_id is not None and alert.event_id not in self._said:
                    self._said.add(alert.event_id)
                    yield alert
                if done + 1 == len(pings.at_ms) or pings.is_first[done + 1]:
                    break
                done += 1

    def standstills(self) -> Iterator[Anomaly]:
        """Yield the beginnings and ends of pings from one point in a moving status."""
        pings = self._pings
        is_same = ~pings.is_first & np.isin(pings.status, _MOVING)
        is_same[1:] &= (np.diff(pings.lat) == 0.0) & (np.diff(pings.lon) == 0.0)
        steps = np.diff(is_same.astype(np.int8), prepend=0, append=0)
        begins, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            since_ms = int(pings.at_ms[begin - 1])
            lasts_ms = pings.at_ms[begin:end] - since_ms
            raised = begin + int(np.searchsorted(lasts_ms, FROZEN_AFTER_MS))
            if raised == end:
                continue
            yield self._standstill(AnomalyPhase.RAISED, raised, begin - 1, int(pings.at_ms[raised]))
            if end < len(pings.at_ms) and not pings.is_first[end]:
                until_ms = int(pings.at_ms[end - 1])
                yield self._standstill(AnomalyPhase.CLEARED, end, begin - 1, until_ms)

    def _fault(self, row: int, accepted: int | None) -> Anomaly | None:
        here = self._point(row)
        reason = outlier_reason(here.lat, here.lon, float(self._pings.accuracy_m[row]))
        if reason is not None:
            before = None if self._pings.is_first[row] else row - 1
            return self._alert(AnomalyKind.OUTLIER, reason, row, before)
        if accepted is None:
            return None
        there = self._point(accepted)
        moved_m = great_circle_m(there.lat, there.lon, here.lat, here.lon)
        if speed_kmh(moved_m, here.at_ms - there.at_ms) <= IMPOSSIBLE_SPEED_KMH:
            return None
        reason = "too_fast" if here.at_ms > there.at_ms else "two_places_at_once"
        return self._alert(AnomalyKind.IMPOSSIBLE_SPEED, reason, row, accepted)

    def _standstill(self, phase: AnomalyPhase, row: int, since: int, until_ms: int) -> Anomaly:
        found = self._alert(AnomalyKind.FROZEN_GPS, "same_point", row, since)
        lasted_ms = until_ms - self._point(since).at_ms
        return msgspec.structs.replace(found, phase=phase, lasted_ms=lasted_ms)

    def _point(self, row: int) -> _Point:
        pings = self._pings
        return _Point(int(pings.at_ms[row]), float(pings.lat[row]), float(pings.lon[row]))

    def _alert(self, kind: AnomalyKind, reason: str, row: int, before: int | None) -> Anomaly:
        pings, here = self._pings, self._point(row)
        there = self._point(before) if before is not None else None
        moved_m = speed = None
        if there is not None:
            moved_m = round(great_circle_m(there.lat, there.lon, here.lat, here.lon), 3)
            elapsed_ms = here.at_ms - there.at_ms
            speed = round(speed_kmh(moved_m, elapsed_ms), 3) if elapsed_ms else None
        return Anomaly(
            anomaly_id="",
            kind=kind,
            phase=AnomalyPhase.RAISED,
            severity=SEVERITIES[kind],
            rule_version=ANOMALY_RULE_VERSION,
            reason=reason,
            entity_id=pings.names[pings.entity[row]],
            entity_type=EntityType.DRIVER if pings.is_driver[row] else EntityType.RIDER,
            event_time_ms=here.at_ms,
            run_id=self._run_id,
            event_id=str(self._log.event_id[int(pings.row[row])].as_py()),
            lat=here.lat,
            lon=here.lon,
            accuracy_m=float(pings.accuracy_m[row]),
            previous_event_time_ms=there.at_ms if there else None,
            previous_lat=there.lat if there else None,
            previous_lon=there.lon if there else None,
            distance_m=moved_m,
            speed_kmh=speed,
        )


def _jumps(pings: Sightings) -> Booleans:
    """Return which pings are too fast for the one before them, or nearly so."""
    found = np.zeros(len(pings.at_ms), dtype=np.bool_)
    lat, lon = np.radians(pings.lat), np.radians(pings.lon)
    half_lat, half_lon = np.sin(np.diff(lat) / 2.0), np.sin(np.diff(lon) / 2.0)
    chord = half_lat**2 + np.cos(lat[:-1]) * np.cos(lat[1:]) * half_lon**2
    moved_m = 2.0 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(1.0, chord)))
    limit_kmh = IMPOSSIBLE_SPEED_KMH - _A_LITTLE_KMH
    found[1:] = moved_m * 3600.0 > limit_kmh * np.diff(pings.at_ms)
    return found & ~pings.is_first


def _may_be_outliers(pings: Sightings) -> Booleans:
    """Return which pings have a bad accuracy or lie near or beyond the edge of what is accepted."""
    rows, columns = (np.floor(degrees * _TILES_PER_DEGREE) for degrees in (pings.lat, pings.lon))
    tiles, inverse = np.unique(rows * _TILE_ROW + columns, return_inverse=True)
    firsts = np.zeros(len(tiles), dtype=np.int64)
    firsts[inverse] = np.arange(len(inverse))
    is_inner = np.array(
        [is_inner_tile(float(rows[at]), float(columns[at])) for at in firsts], dtype=np.bool_
    )
    is_edge = ~is_inner[inverse] if len(tiles) else np.zeros(0, dtype=np.bool_)
    return is_edge | (pings.accuracy_m > OUTLIER_ACCURACY_M)


def is_inner_tile(row: float, column: float) -> bool:
    """Return whether all cells around a square of 0.01 degrees are accepted.

    The square ends 0.8 km from its middle, at the most; cells two rings away from the one in the
    middle end 1.3 km from it, at the least.
    """
    lat, lon = ((number + 0.5) / _TILES_PER_DEGREE for number in (row, column))
    middle = h3.latlng_to_cell(lat, lon, CELL_RESOLUTION)
    return accepted_cells().issuperset(h3.grid_disk(middle, 2))
