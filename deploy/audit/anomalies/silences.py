"""Zombies: drivers on shift of whom nothing was heard for `ZOMBIE_SILENCE_MS`.

The clock is the run's own, its newest event time: what would be due after it is not said.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from contracts.anomalies import (
    ANOMALY_RULE_VERSION,
    SEVERITIES,
    ZOMBIE_SILENCE_MS,
    ZOMBIE_STATUSES,
    AnomalyKind,
    AnomalyPhase,
)
from contracts.events import EntityType
from contracts.live import Anomaly
from deploy.audit.anomalies.sightings import Sightings
from deploy.audit.columns import NO_TIME
from deploy.audit.entities import STATUSES

_MINUTE_MS: Final = 60_000
_ON_SHIFT: Final = tuple(code for code, status in enumerate(STATUSES) if status in ZOMBIE_STATUSES)
Sign = tuple[int, bool | None]
"""When, and whether a status is one of a shift; None is a ping."""


def shifts(statuses: Sightings) -> dict[str, list[Sign]]:
    """Return the statuses of each driver, in the order of time and log."""
    is_on = np.isin(statuses.status, _ON_SHIFT)
    return {
        name: list(zip(statuses.at_ms[own].tolist(), is_on[own].tolist(), strict=True))
        for name, own in statuses.by_name().items()
    }


def silences(
    run_id: str, pings: Sightings, statuses: Sightings, clock_ms: int
) -> Iterator[Anomaly]:
    """Yield beginnings and ends of zombies up to the clock, inclusive."""
    heard = _heard(pings)
    for name, changes in shifts(statuses).items():
        signs: list[Sign] = [(at_ms, None) for at_ms in heard.get(name, ())]
        # sorting keeps the order: a ping before a status of its instant, statuses as in the log
        signs = sorted([*signs, *changes], key=lambda sign: (sign[0], sign[1] is not None))
        for phase, at_ms, heard_ms in _of_driver(signs, clock_ms):
            yield _anomaly(run_id, name, phase, at_ms, heard_ms)


def _heard(pings: Sightings) -> dict[str, list[int]]:
    """Return each driver's first and last ping per minute: no silence is hidden by less."""
    begins = pings.is_first | (np.diff(pings.at_ms // _MINUTE_MS, prepend=-1) != 0)
    is_edge = begins.copy()
    is_edge[:-1] |= begins[1:]
    is_edge[-1:] = True
    is_edge &= pings.is_driver
    return {name: pings.at_ms[own][is_edge[own]].tolist() for name, own in pings.by_name().items()}


def _of_driver(signs: list[Sign], clock_ms: int) -> Iterator[tuple[AnomalyPhase, int, int]]:
    """Yield (phase, instant, heard last at) of one driver."""
    is_on_shift = is_zombie = False
    heard_ms = NO_TIME
    for at_ms, is_on in [*signs, (clock_ms + 1, None)]:
        due_ms = heard_ms + ZOMBIE_SILENCE_MS
        if is_on_shift and not is_zombie and due_ms < at_ms:
            is_zombie = True
            yield AnomalyPhase.RAISED, due_ms, heard_ms
        if at_ms > clock_ms:
            return
        if is_zombie and not is_on:
            is_zombie = False
            yield AnomalyPhase.CLEARED, at_ms, heard_ms
        if is_on is None:
            heard_ms = at_ms
            continue
        if is_on and not is_on_shift:
            heard_ms = max(heard_ms, at_ms)
        is_on_shift = is_on


def _anomaly(
    run_id: str, driver_id: str, phase: AnomalyPhase, at_ms: int, heard_ms: int
) -> Anomaly:
    kind = AnomalyKind.ZOMBIE_DRIVER
    return Anomaly(
        anomaly_id="",
        kind=kind,
        phase=phase,
        severity=SEVERITIES[kind],
        rule_version=ANOMALY_RULE_VERSION,
        reason="silent",
        entity_id=driver_id,
        entity_type=EntityType.DRIVER,
        event_time_ms=at_ms,
        run_id=run_id,
        previous_event_time_ms=heard_ms,
        lasted_ms=at_ms - heard_ms,
    )
