"""Figures by which a city is judged, counted from its events as they happen."""

from array import array
from collections.abc import Sequence
from typing import Final

import msgspec

from contracts.events import (
    CancelledBy,
    CancelReason,
    DriverStatus,
    DriverStatusEvent,
    Envelope,
    Payment,
    TripEvent,
    TripState,
)

_BUSY: Final = frozenset({DriverStatus.EN_ROUTE, DriverStatus.AT_PICKUP, DriverStatus.ON_TRIP})
_MS_PER_S: Final = 1000.0
_MS_PER_HOUR: Final = 3_600_000.0


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one stretch of time.

    A wait is from the request to the driver's arrival, of riders whom a driver reached.
    Utilisation is the share of online time with a trip, occupancy the share with a rider in the
    car. Shares of cancellations are of all requests that have ended and add up to 1 with the
    completed ones; `matched_cancelled_share` is what drivers cancelled of all that had a driver,
    no-shows of riders not among them.
    """

    requests: int
    completed: int
    completion_share: float
    cancelled_by_rider_share: float
    cancelled_by_driver_share: float
    no_show_share: float
    matched_cancelled_share: float
    cancelled_without_driver_share: float
    wait_p50_s: float
    wait_p90_s: float
    match_p50_s: float
    offers_per_request: float
    utilisation_share: float
    occupancy_share: float
    trips_per_online_hour: float
    trip_mean_m: float
    trip_mean_s: float
    fare_mean_minor: float
    revenue_minor: int
    fee_minor: int
    surge_share: float
    surge_mean: float


class KpiMeter:
    """Takes events in the order of their making. Memory: 16 bytes per trip that ended."""

    def __init__(self) -> None:
        self._requested_ms: dict[str, int] = {}
        self._waits_s = array("d")
        self._matches_s = array("d")
        self._requests = self._offers = self._surged = 0
        self._surge_sum = 0.0
        self._ends = dict.fromkeys(
            ("completed", "rider", "driver", "no_show", "no_driver", "system"), 0
        )
        self._metres = self._seconds = 0.0
        self._fare_minor = self._fee_minor = 0
        self._since: dict[str, tuple[int, DriverStatus]] = {}
        self._ms_by_status = dict.fromkeys(DriverStatus, 0)

    def take(self, event: Envelope, at_ms: int) -> None:
        """Count one event."""
        if isinstance(event, TripEvent):
            self._trip(event, at_ms)
        elif isinstance(event, DriverStatusEvent):
            self._leave(event.driver_id, at_ms)
            self._since[event.driver_id] = (at_ms, event.status)
        elif isinstance(event, Payment):
            self._fare_minor += event.fare_minor
            self._fee_minor += event.fee_minor

    def kpis(self, now_ms: int) -> Kpis:
        """Return the figures up to now."""
        for driver_id, (_, status) in list(self._since.items()):
            self._leave(driver_id, now_ms)
            self._since[driver_id] = (now_ms, status)
        online_ms = sum(ms for status, ms in self._ms_by_status.items() if status != "offline")
        busy_ms = sum(self._ms_by_status[status] for status in _BUSY)
        ended = sum(self._ends.values())
        completed = self._ends["completed"]
        without = self._ends["no_driver"] + self._ends["system"]
        return Kpis(
            requests=self._requests,
            completed=completed,
            completion_share=_share(completed, ended),
            cancelled_by_rider_share=_share(self._ends["rider"], ended),
            cancelled_by_driver_share=_share(self._ends["driver"], ended),
            no_show_share=_share(self._ends["no_show"], ended),
            matched_cancelled_share=_share(self._ends["driver"], len(self._matches_s)),
            cancelled_without_driver_share=_share(without, ended),
            wait_p50_s=quantile(self._waits_s, 0.5),
            wait_p90_s=quantile(self._waits_s, 0.9),
            match_p50_s=quantile(self._matches_s, 0.5),
            offers_per_request=_share(self._offers, self._requests),
            utilisation_share=_share(busy_ms, online_ms),
            occupancy_share=_share(self._ms_by_status[DriverStatus.ON_TRIP], online_ms),
            trips_per_online_hour=_share(completed * _MS_PER_HOUR, online_ms),
            trip_mean_m=_share(self._metres, completed, 1),
            trip_mean_s=_share(self._seconds, completed, 1),
            fare_mean_minor=_share(self._fare_minor, completed, 1),
            revenue_minor=self._fare_minor,
            fee_minor=self._fee_minor,
            surge_share=_share(self._surged, self._requests),
            surge_mean=_share(self._surge_sum, self._requests),
        )

    def _trip(self, event: TripEvent, at_ms: int) -> None:
        state = event.state
        if state is TripState.REQUESTED:
            self._requests += 1
            self._surged += event.surge_multiplier > 1.0
            self._surge_sum += event.surge_multiplier
            self._requested_ms[event.trip_id] = at_ms
        elif state is TripState.OFFER_SENT:
            self._offers += 1
        elif state is TripState.MATCHED:
            self._matches_s.append((at_ms - self._requested_ms[event.trip_id]) / _MS_PER_S)
        elif state is TripState.DRIVER_ARRIVED:
            self._waits_s.append((at_ms - self._requested_ms[event.trip_id]) / _MS_PER_S)
        elif state is TripState.COMPLETED:
            self._ends["completed"] += 1
            self._metres += event.distance_m or 0.0
            self._seconds += event.duration_s or 0.0
            del self._requested_ms[event.trip_id]
        elif state is TripState.CANCELLED:
            self._ends[_ended_by(event)] += 1
            del self._requested_ms[event.trip_id]

    def _leave(self, driver_id: str, at_ms: int) -> None:
        since_ms, status = self._since.get(driver_id, (at_ms, DriverStatus.OFFLINE))
        self._ms_by_status[status] += at_ms - since_ms


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of all lies (nearest rank), 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1)


def _ended_by(event: TripEvent) -> str:
    if event.cancel_reason in (CancelReason.NO_DRIVERS, CancelReason.RIDER_PATIENCE):
        return "no_driver"
    if event.cancel_reason is CancelReason.RIDER_NO_SHOW:
        return "no_show"
    if event.cancelled_by is CancelledBy.DRIVER:
        return "driver"
    return "rider" if event.cancelled_by is CancelledBy.RIDER else "system"


def _share(part: float, whole: float, digits: int = 4) -> float:
    return round(part / whole, digits) if whole else 0.0
