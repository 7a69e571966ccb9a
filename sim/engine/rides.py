"""One process per request: from asking for a car to the last rating."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import simpy

from contracts.events import CancelledBy, CancelReason, DriverStatus, EntityType, TripState
from sim.domain.geometry import distance_m
from sim.domain.trip import Trip, TripSignal
from sim.engine.agents import Driver, Rider
from sim.engine.city import City
from sim.policies.matching import ROAD_FACTOR, Request
from sim.policies.routing import Route

Process = Generator[simpy.Event, Any, None]
_NEVER: Final = 2**62
_LOOK_EVERY_S: Final = 0.25


class CalledOff(Exception):  # noqa: N818 - a turn of events, no error
    """The trip ends before it has started."""

    def __init__(self, by: CancelledBy, reason: CancelReason) -> None:
        self.by = by
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class _Mind:
    """What the two sides of this trip will do, drawn at the request."""

    gives_up_at_ms: int
    changes_mind_at_ms: int
    shows_up: bool
    driver_stays: bool


_STEADFAST: Final = _Mind(_NEVER, _NEVER, shows_up=True, driver_stays=True)
"""Puppets do what they are told, and nothing else."""


class Ride:
    """One rider's request and the driver who takes it."""

    def __init__(self, city: City, trip: Trip, rider: Rider, rng: np.random.Generator) -> None:
        self._city = city
        self._rider = rider
        self._rng = rng
        self._driver: Driver | None = None
        self._route: Route | None = None
        self._started_ms = 0
        self.trip = trip
        behaviour = city.scenario.trips
        now_ms = city.now_ms
        changes = rng.random() < rider.dna.cancel_ratio
        self._mind = (
            _STEADFAST
            if rider.is_puppet
            else _Mind(
                gives_up_at_ms=now_ms + round(rider.dna.patience_s * 1000),
                changes_mind_at_ms=now_ms + int(rng.integers(20_000, 600_000))
                if changes
                else _NEVER,
                shows_up=bool(rng.random() >= behaviour.no_show_share),
                driver_stays=bool(rng.random() >= behaviour.driver_cancel_share),
            )
        )

    def run(self) -> Process:
        """Live through the trip.

        An interrupt is the end of a drain's patience, or a puppet's `CalledOff` as its cause.
        """
        city = self._city
        self.trip = city.open_trip(self.trip, self._rider)
        try:
            driver = yield from self._find_driver()
            yield from self._pick_up(driver)
            yield from self._carry(driver)
        except CalledOff as off:
            self._call_off(off.by, off.reason)
        except simpy.Interrupt as interrupt:
            if isinstance(interrupt.cause, CalledOff):
                self._call_off(interrupt.cause.by, interrupt.cause.reason)
            elif self.trip.state is TripState.STARTED:
                self._complete()
            else:
                self._call_off(CancelledBy.SYSTEM, CancelReason.DRAIN)
        if self.trip.state is TripState.COMPLETED:
            yield from self._settle()
        city.close_trip(self.trip, self._rider)

    def _find_driver(self) -> Generator[simpy.Event, Any, Driver]:
        city, trip = self._city, self.trip
        is_free_to_refuse = not self._rider.is_puppet
        if is_free_to_refuse and trip.surge_multiplier > self._rider.dna.surge_tolerance:
            yield city.wait(self._rng.uniform(2.0, 8.0))
            raise CalledOff(CancelledBy.RIDER, CancelReason.SURGE_TOO_HIGH)
        refused: dict[int, None] = {}
        while True:
            number = yield from self._ask_for_driver(refused)
            if number is None and city.decisions.matching.interval_s is not None:
                continue
            if number is None:
                refused.clear()
                yield from self._wait_unmatched(city.scenario.trips.offer_retry_s)
                continue
            driver = city.driver_at[number]
            if (yield from self._offer(driver)):
                return driver
            refused[number] = None

    def _ask_for_driver(self, refused: dict[int, None]) -> Generator[simpy.Event, Any, int | None]:
        """Return a free driver, at once or after the next round of a batched matching.

        Who refused is asked again only when nobody else is left.
        """
        city, pickup = self._city, self.trip.pickup
        request = Request(pickup.lat, pickup.lon, tuple(refused))
        desk = city.desk
        if desk.interval_ms is None:
            return desk.match_now(request)
        waiting = desk.join(self.trip.trip_id, request)
        try:
            yield from self._wait_unmatched((desk.next_round_ms() - city.now_ms) / 1000)
        finally:
            desk.leave(waiting)
        driver = waiting.driver
        if driver is None:
            refused.clear()
            return None
        return driver if city.driver_at[driver].is_free else None

    def _offer(self, driver: Driver) -> Generator[simpy.Event, Any, bool]:
        city = self._city
        lat, lon = city.fleet.position(driver.number, city.now_ms)
        away_m = distance_m(lat, lon, self.trip.pickup.lat, self.trip.pickup.lon) * ROAD_FACTOR
        self._driver = driver
        city.offer_to(driver)
        self._advance(
            TripSignal.OFFER_MADE,
            driver_id=driver.driver_id,
            offer_sequence=self.trip.offer_sequence + 1,
            pickup_eta_s=round(away_m / city.speed_kmh(driver) * 3.6, 1),
        )
        if driver.is_puppet:
            signal = yield from self._await_answer(driver)
        else:
            signal = yield from self._draw_answer(driver)
        if signal is not TripSignal.DRIVER_ACCEPTED:
            self._advance(signal)
            city.withdraw_offer(driver)
            self._driver = None
            return False
        city.assign(driver, self.trip)
        self._advance(signal)
        return True

    def _await_answer(self, driver: Driver) -> Generator[simpy.Event, Any, TripSignal]:
        """Return what a puppet says within the time of an offer."""
        driver.answer = None
        looks = max(1, round(self._city.scenario.trips.offer_expiry_s / _LOOK_EVERY_S))
        for _ in range(looks):
            yield from self._wait_unmatched(_LOOK_EVERY_S)
            if driver.answer is not None:
                accepts = driver.answer
                return TripSignal.DRIVER_ACCEPTED if accepts else TripSignal.DRIVER_REJECTED
        return TripSignal.OFFER_TIMED_OUT

    def _draw_answer(self, driver: Driver) -> Generator[simpy.Event, Any, TripSignal]:
        """Return what a driver's DNA says within the time of an offer."""
        behaviour = self._city.scenario.trips
        ignores = self._rng.random() < behaviour.offer_ignored_share
        accepts = self._rng.random() < driver.dna.acceptance_ratio
        thinks_s = 1.0 + self._rng.gamma(2.0, 1.5)
        if ignores or thinks_s >= behaviour.offer_expiry_s:
            yield from self._wait_unmatched(behaviour.offer_expiry_s)
            return TripSignal.OFFER_TIMED_OUT
        yield from self._wait_unmatched(thinks_s)
        return TripSignal.DRIVER_ACCEPTED if accepts else TripSignal.DRIVER_REJECTED

    def _pick_up(self, driver: Driver) -> Process:
        city = self._city
        yield from self._wait(self._rng.uniform(0.5, 3.0))
        pickup = (self.trip.pickup.lat, self.trip.pickup.lon)
        here = city.fleet.position(driver.number, city.now_ms)
        route = city.decisions.routing.route(here, pickup, city.speed_kmh(driver))
        way_s = route.duration_ms / 1000
        self._advance(TripSignal.DRIVER_DEPARTED, pickup_eta_s=way_s)
        city.drive(driver.number, route)
        city.set_trip_status(driver, DriverStatus.EN_ROUTE, self.trip)
        if not (self._mind.driver_stays or driver.is_puppet):
            yield from self._wait(way_s * self._rng.uniform(0.1, 0.8))
            raise CalledOff(CancelledBy.DRIVER, CancelReason.DRIVER_CANCELLED)
        yield from self._wait(way_s)
        self._advance(TripSignal.DRIVER_REACHED_PICKUP)
        city.fleet.park(driver.number, *pickup, city.now_ms)
        city.set_trip_status(driver, DriverStatus.AT_PICKUP, self.trip)
        if not self._mind.shows_up:
            yield from self._wait(city.scenario.trips.no_show_wait_s)
            raise CalledOff(CancelledBy.DRIVER, CancelReason.RIDER_NO_SHOW)
        boarding_s = self._rng.exponential(city.scenario.trips.boarding_mean_s)
        yield from self._wait(min(max(boarding_s, 5.0), 240.0))

    def _carry(self, driver: Driver) -> Process:
        city, trip = self._city, self.trip
        route = city.decisions.routing.route(
            (trip.pickup.lat, trip.pickup.lon),
            (trip.dropoff.lat, trip.dropoff.lon),
            city.speed_kmh(driver),
        )
        self._route = route
        self._started_ms = city.now_ms
        self._advance(TripSignal.RIDER_BOARDED)
        city.drive(driver.number, route)
        city.set_trip_status(driver, DriverStatus.ON_TRIP, self.trip)
        city.board(self._rider, driver, self.trip, route)
        yield city.wait(route.duration_ms / 1000)
        self._complete()

    def _complete(self) -> None:
        """End the trip where the car is; after a whole route that is the dropoff."""
        city, route, driver = self._city, self._route, self._driver
        assert route is not None  # noqa: S101 - STARTED implies both
        assert driver is not None  # noqa: S101
        driven_ms = min(city.now_ms - self._started_ms, route.duration_ms)
        distance_mm = route.distance_mm * driven_ms // max(1, route.duration_ms)
        settlement = city.decisions.pricing.price(
            distance_mm, driven_ms, self.trip.surge_multiplier
        )
        city.alight(self._rider)
        self._advance(
            TripSignal.RIDER_DROPPED_OFF,
            fare_minor=settlement.fare_minor,
            distance_m=distance_mm / 1000,
            duration_s=driven_ms / 1000,
        )
        self._settlement = settlement
        city.release(driver, self.trip)

    def _settle(self) -> Process:
        city, trip, rng, driver = self._city, self.trip, self._rng, self._driver
        assert driver is not None  # noqa: S101 - a completed trip had one
        cause_id = city.last_event_id(trip)
        yield city.wait(rng.uniform(1.0, 4.0))
        tips = rng.random() < city.scenario.trips.tip_share
        tip_minor = self._settlement.fare_minor * int(rng.integers(5, 16)) // 100 if tips else 0
        cause_id = city.reporter.payment(
            trip,
            driver.driver_id,
            self._rider.dna.payment_method,
            self._settlement,
            tip_minor,
            city.now_ms,
            cause_id,
        )
        for rater in (EntityType.RIDER, EntityType.DRIVER):
            yield city.wait(rng.uniform(3.0, 40.0))
            city.reporter.rating(
                trip, driver.driver_id, rater, self._stars(rater, driver), city.now_ms, cause_id
            )
        city.reporter.rated(trip)

    def _stars(self, rater: EntityType, driver: Driver) -> int:
        if rater is EntityType.RIDER:
            pleased = 0.6 * driver.dna.service_quality + 0.4 * self._rider.dna.rating_leniency
        else:
            pleased = 0.6 + 0.4 * driver.dna.rating_leniency
        return 1 + int(self._rng.binomial(4, pleased))

    def _call_off(self, by: CancelledBy, reason: CancelReason) -> None:
        city, driver = self._city, self._driver
        is_matched = driver is not None and driver.trip_id == self.trip.trip_id
        self._advance(
            TripSignal.CALLED_OFF,
            cancelled_by=by,
            cancel_reason=reason,
            driver_id=self.trip.driver_id if is_matched else None,
        )
        if driver is None:
            return
        if is_matched:
            city.release(driver, self.trip)
        else:
            city.withdraw_offer(driver)

    def _advance(self, signal: TripSignal, **changes: Any) -> None:
        self.trip = self._city.advance(self.trip, signal, **changes)

    def _wait(self, seconds: float) -> Process:
        """Wait before the ride has started: the rider may change their mind meanwhile."""
        yield from self._wait_until(
            seconds, self._mind.changes_mind_at_ms, CancelReason.RIDER_CHANGED_MIND
        )

    def _wait_unmatched(self, seconds: float) -> Process:
        """Wait before there is a driver: patience may run out as well."""
        mind = self._mind
        if mind.changes_mind_at_ms < mind.gives_up_at_ms:
            yield from self._wait(seconds)
        elif self.trip.offer_sequence:
            yield from self._wait_until(seconds, mind.gives_up_at_ms, CancelReason.RIDER_PATIENCE)
        else:
            yield from self._wait_until(seconds, mind.gives_up_at_ms, CancelReason.NO_DRIVERS)

    def _wait_until(self, seconds: float, limit_ms: int, reason: CancelReason) -> Process:
        left_s = (limit_ms - self._city.now_ms) / 1000
        if seconds < left_s:
            yield self._city.wait(seconds)
            return
        yield self._city.wait(max(left_s, 0.001))
        by = CancelledBy.SYSTEM if reason is CancelReason.NO_DRIVERS else CancelledBy.RIDER
        raise CalledOff(by, reason)
