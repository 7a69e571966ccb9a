"""Alerts as topic, table and Redis hold them, and what tells one from another."""

from collections import defaultdict

import msgspec

from contracts.live import Anomaly

Identity = tuple[str, str]
"""Identifier and phase of an alert."""
Evidence = tuple[str, str, str, str | int]
"""Kind, phase, entity, and the event that shows it; the instant where there is no such event."""


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """The records of the topic: the run's own and the order of all."""

    run_id: str
    own: dict[Identity, Anomaly] = {}
    conflicts: list[Identity] = []
    written_ms: dict[Identity, int] = {}
    """Wall time at which an alert of the run was written last."""
    order: dict[int, list[Identity]] = {}
    """Alerts of all runs by partition, each where it came first."""

    @property
    def newest_ms(self) -> int:
        """Event time of the run's newest alert, 0 if there is none."""
        return max((alert.event_time_ms for alert in self.own.values()), default=0)


class AlertRecords:
    """Collects the records of the topic as they come."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._own: dict[Identity, Anomaly] = {}
        self._conflicts: set[Identity] = set()
        self._written_ms: dict[Identity, int] = {}
        self._order: dict[int, dict[Identity, None]] = defaultdict(dict)

    def add(self, alert: Anomaly, partition: int, timestamp_ms: int) -> None:
        """Take a record, with the wall time at which it was written."""
        identity = identity_of(alert)
        self._order[partition].setdefault(identity)
        if alert.run_id != self._run_id:
            return
        if self._own.setdefault(identity, alert) != alert:
            self._conflicts.add(identity)
        self._written_ms[identity] = max(timestamp_ms, self._written_ms.get(identity, 0))

    def alerts(self) -> Alerts:
        """Return what was collected."""
        return Alerts(
            run_id=self._run_id,
            own=self._own,
            conflicts=sorted(self._conflicts),
            written_ms=self._written_ms,
            order={partition: list(found) for partition, found in self._order.items()},
        )


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The run's rows of the table, with the wall time at which the job wrote them."""

    rows: list[Anomaly]
    at_ms: list[int]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The stream of Redis, all runs, oldest first."""

    entries: list[Anomaly]
    is_capped: bool
    """Whether older entries had to leave."""


def identity_of(alert: Anomaly) -> Identity:
    """Return what is told once."""
    return alert.anomaly_id, alert.phase.value


def evidence_of(alert: Anomaly) -> Evidence:
    """Return what an alert is about: no two alerts are about the same."""
    at = alert.event_id if alert.event_id is not None else alert.event_time_ms
    return alert.kind.value, alert.phase.value, alert.entity_id, at


def name_of(alert: Anomaly) -> str:
    """Return an alert for the eyes of a reader."""
    what = f"event {alert.event_id}" if alert.event_id is not None else f"at {alert.event_time_ms}"
    return f"{alert.kind.value} {alert.phase.value} {alert.entity_id} {what}"
