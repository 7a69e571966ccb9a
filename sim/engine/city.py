"""The state that all processes share, and the only functions that change it.

Every change keeps the laws: a driver has at most one trip, a trip moves by the table only, the
counts per zone and the index of free drivers agree with the drivers.
"""

from collections import Counter
from typing import Any, Final

import simpy
from msgspec.structs import replace

from contracts.events import UNMATCHED_STATES, DriverStatus, Place, TripState
from contracts.zones import zone_at
from sim.domain.errors import ConservationError
from sim.domain.scenario import Scenario
from sim.domain.trip import Trip, TripSignal, next_state
from sim.engine.agents import Driver, Rider
from sim.engine.desk import Desk
from sim.engine.fleet import Fleet
from sim.engine.reports import Reporter
from sim.engine.streams import Streams
from sim.policies.choice import Decisions
from sim.policies.matching import DriverIndex, index_cell
from sim.policies.routing import Route
from sim.policies.surge import ZoneCounts

_ACTIVE: Final = frozenset({DriverStatus.EN_ROUTE, DriverStatus.AT_PICKUP, DriverStatus.ON_TRIP})


class City:
    """Agents, trips under way, counts per zone. `env.now` is epoch milliseconds."""

    def __init__(
        self,
        env: simpy.Environment,
        scenario: Scenario,
        decisions: Decisions,
        streams: Streams,
        reporter: Reporter,
        fleet: Fleet,
        drivers: list[Driver],
        riders: list[Rider],
    ) -> None:
        self.env = env
        self.scenario = scenario
        self.decisions = decisions
        self.streams = streams
        self.reporter = reporter
        self.fleet = fleet
        self.drivers = drivers
        self.riders = riders
        self.driver_at = {driver.number: driver for driver in drivers}
        self.index = DriverIndex()
        self.desk = Desk(
            env,
            decisions.matching,
            self.index,
            lambda numbers: fleet.positions(numbers, self.now_ms),
            lambda number: self.speed_kmh(self.driver_at[number]),
        )
        self.trips: dict[str, Trip] = {}
        self.trip_counts: Counter[TripState] = Counter()
        self.open_requests: Counter[int] = Counter()
        self.idle_drivers: Counter[int] = Counter()
        self.multipliers: dict[int, float] = {}
        self.roaming: dict[int, None] = {}
        self.accepts_requests = True
        self.unserved_demand = 0
        self._phase = streams.of("ping_phase")
        self._last_trip_event: dict[str, str] = {}

    @property
    def now_ms(self) -> int:
        """Simulated time in epoch milliseconds."""
        return int(self.env.now)

    @property
    def active_drivers(self) -> int:
        """Drivers who are not offline."""
        return sum(driver.status is not DriverStatus.OFFLINE for driver in self.drivers)

    def wait(self, seconds: float) -> simpy.Event:
        """Return the event that comes after so many simulated seconds, at least 1 ms."""
        timeout: simpy.Event = self.env.timeout(max(1, round(seconds * 1000)))
        return timeout

    def speed_kmh(self, driver: Driver) -> float:
        """Return how fast a driver gets along at this hour, in this weather."""
        now_ms = self.now_ms
        usual = self.scenario.movement.speed_kmh_by_hour[self.scenario.local_hour(now_ms)]
        shocked = self.decisions.shocks.speed_ratio(driver.zone_id, now_ms)
        return usual * driver.dna.speed_factor * shocked

    # trips

    def open_trip(self, trip: Trip, rider: Rider) -> Trip:
        """Take in a new request.

        Raises:
            ConservationError: The rider has a trip already.
        """
        if rider.trip_id is not None:
            raise ConservationError(
                f"{rider.rider_id} asks for {trip.trip_id} during {rider.trip_id}"
            )
        rider.trip_id = trip.trip_id
        self._count(trip, 1)
        self.trips[trip.trip_id] = trip
        self._last_trip_event[trip.trip_id] = self.reporter.trip(trip, self.now_ms, None)
        return trip

    def advance(self, trip: Trip, signal: TripSignal, **changes: Any) -> Trip:
        """Move a trip by the table, report it and return it as it is now.

        Raises:
            IllegalTransition: The table has no such pair.
        """
        moved = replace(
            trip, state=next_state(trip.state, signal), previous_state=trip.state, **changes
        )
        self._count(trip, -1)
        self._count(moved, 1)
        cause_id = self._last_trip_event[trip.trip_id]
        self._last_trip_event[trip.trip_id] = self.reporter.trip(moved, self.now_ms, cause_id)
        self.trips[trip.trip_id] = moved
        return moved

    def close_trip(self, trip: Trip, rider: Rider) -> None:
        """Forget a trip that has ended with all its aftermath."""
        del self.trips[trip.trip_id]
        del self._last_trip_event[trip.trip_id]
        rider.trip_id = None

    def last_event_id(self, trip: Trip) -> str:
        """Return the id of the newest event of a trip."""
        return self._last_trip_event[trip.trip_id]

    def _count(self, trip: Trip, step: int) -> None:
        self.trip_counts[trip.state] += step
        if trip.state in UNMATCHED_STATES and trip.pickup.zone_id is not None:
            self.open_requests[trip.pickup.zone_id] += step

    # drivers

    def go_online(self, driver: Driver, place: Place) -> None:
        """Start a driver's work at a place."""
        self.fleet.park(driver.number, place.lat, place.lon, self.now_ms)
        self._set_status(driver, DriverStatus.AVAILABLE, None)

    def go_offline(self, driver: Driver) -> None:
        """End a driver's work.

        Raises:
            ConservationError: The driver has a trip or an open offer.
        """
        if driver.trip_id is not None or driver.has_offer:
            raise ConservationError(f"{driver.driver_id} cannot leave: trip or offer under way")
        self.fleet.halt(driver.number, self.now_ms)
        driver.is_leaving = False
        self._set_status(driver, DriverStatus.OFFLINE, None)

    def stop_offers(self, driver: Driver) -> None:
        """Let a driver finish what is under way and take nothing new."""
        driver.is_leaving = True
        self._refresh_index(driver)

    def offer_to(self, driver: Driver) -> None:
        """Reserve a free driver for one offer.

        Raises:
            ConservationError: The driver is not free.
        """
        if not driver.is_free:
            raise ConservationError(f"{driver.driver_id} is not free: {driver.status}")
        driver.has_offer = True
        self._refresh_index(driver)

    def withdraw_offer(self, driver: Driver) -> None:
        """End an offer that did not become a match."""
        driver.has_offer = False
        self._wake(driver)
        self._refresh_index(driver)

    def assign(self, driver: Driver, trip: Trip) -> None:
        """Turn the driver's offer into a trip and set off to the pickup.

        Raises:
            ConservationError: The driver has a trip already, or no offer.
        """
        if driver.trip_id is not None or not driver.has_offer:
            raise ConservationError(f"{driver.driver_id} cannot take {trip.trip_id}")
        driver.has_offer = False
        driver.trip_id = trip.trip_id
        self._refresh_index(driver)

    def set_trip_status(self, driver: Driver, status: DriverStatus, trip: Trip) -> None:
        """Change what a driver with a trip is doing."""
        self._set_status(driver, status, self.last_event_id(trip))

    def release(self, driver: Driver, trip: Trip) -> None:
        """Take the ended trip from its driver, who is available again where the car stands."""
        if driver.trip_id != trip.trip_id:
            raise ConservationError(f"{driver.driver_id} has {driver.trip_id}, not {trip.trip_id}")
        self.fleet.halt(driver.number, self.now_ms)
        cause_id = self.last_event_id(trip)
        driver.trip_id = None
        self._set_status(driver, DriverStatus.AVAILABLE, cause_id)
        self._wake(driver)

    def drive(self, entity: int, route: Route) -> None:
        """Send a driver's car, or the rider in it, along a route."""
        self.fleet.drive(entity, route, self.now_ms)

    def board(self, rider: Rider, driver: Driver, trip: Trip, route: Route) -> None:
        """Let a rider's phone ping along the route from now on."""
        self.fleet.settle(rider.entity, self.now_ms)
        self.fleet.relabel(rider.entity, None, trip.trip_id, self.last_event_id(trip))
        lat, lon = self.fleet.position(driver.number, self.now_ms)
        self.fleet.park(rider.entity, lat, lon, self.now_ms)
        self.drive(rider.entity, route)
        self._set_pings(rider.entity, self.scenario.movement.ping_active_ms)

    def alight(self, rider: Rider) -> None:
        """Silence a rider's phone."""
        self.fleet.halt(rider.entity, self.now_ms)
        self.fleet.set_interval(rider.entity, 0, 0, self.now_ms)

    def roam(self, driver: Driver, route: Route) -> None:
        """Send an idle driver somewhere; zones crossed on the way are reported."""
        self.drive(driver.number, route)
        self.roaming[driver.number] = None

    def track_roaming(self) -> None:
        """Follow the idle drivers who are under way; forget those who arrived or got work."""
        if not self.roaming:
            return
        numbers = list(self.roaming)
        lats, lons = self.fleet.positions(numbers, self.now_ms)
        for number, lat, lon in zip(numbers, lats.tolist(), lons.tolist(), strict=True):
            driver = self.driver_at[number]
            if driver.status is DriverStatus.AVAILABLE:
                self._track_zone(driver, lat, lon)
            if (
                driver.status is not DriverStatus.AVAILABLE
                or self.fleet.arrives_ms(number) <= self.now_ms
            ):
                del self.roaming[number]

    def _track_zone(self, driver: Driver, lat: float, lon: float) -> None:
        """Notice where an available driver has got to; report it if that is another zone."""
        zone_id = zone_at(lat, lon)
        if zone_id != driver.zone_id:
            self.fleet.settle(driver.number, self.now_ms)
            self._count_idle(driver, -1)
            driver.zone_id = zone_id
            self._count_idle(driver, 1)
            label = self.fleet.labels[driver.number]
            event_id = self.reporter.driver_status(
                driver, driver.status, (lat, lon), self.now_ms, label.cause_id
            )
            self.fleet.relabel(driver.number, driver.status, label.trip_id, event_id)
        if driver.is_free:
            self.index.put(driver.number, index_cell(lat, lon))

    def zone_counts(self) -> dict[int, ZoneCounts]:
        """Return demand and supply of every zone that has any."""
        zones = sorted(
            {zone for zone, count in self.open_requests.items() if count}
            | {zone for zone, count in self.idle_drivers.items() if count}
        )
        return {z: ZoneCounts(self.open_requests[z], self.idle_drivers[z]) for z in zones}

    def _set_status(self, driver: Driver, status: DriverStatus, cause_id: str | None) -> None:
        now_ms = self.now_ms
        self.fleet.settle(driver.number, now_ms)
        lat, lon = self.fleet.position(driver.number, now_ms)
        self._count_idle(driver, -1)
        previous, driver.status = driver.status, status
        driver.zone_id = zone_at(lat, lon)
        self._count_idle(driver, 1)
        cause_id = cause_id or self.fleet.labels[driver.number].cause_id
        event_id = self.reporter.driver_status(driver, previous, (lat, lon), now_ms, cause_id)
        self.fleet.relabel(driver.number, status, driver.trip_id, event_id)
        movement = self.scenario.movement
        if status in _ACTIVE:
            if previous not in _ACTIVE:
                self._set_pings(driver.number, movement.ping_active_ms)
        elif status is DriverStatus.AVAILABLE:
            self._set_pings(driver.number, movement.ping_idle_ms)
        else:
            self.fleet.set_interval(driver.number, 0, 0, now_ms)
        self._refresh_index(driver)

    def _set_pings(self, entity: int, interval_ms: int) -> None:
        phase_ms = int(self._phase.integers(interval_ms))
        self.fleet.set_interval(entity, interval_ms, phase_ms, self.now_ms)

    def _count_idle(self, driver: Driver, step: int) -> None:
        if driver.status is DriverStatus.AVAILABLE and driver.zone_id is not None:
            self.idle_drivers[driver.zone_id] += step

    def _refresh_index(self, driver: Driver) -> None:
        if driver.is_free:
            self.index.put(
                driver.number, index_cell(*self.fleet.position(driver.number, self.now_ms))
            )
        else:
            self.index.remove(driver.number)

    def _wake(self, driver: Driver) -> None:
        if driver.freed is not None and not driver.freed.triggered:
            driver.freed.succeed()
