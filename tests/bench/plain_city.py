"""The same city written plainly, to compare with: a SimPy process per agent, a timeout per ping.

Same people, shifts, demand, routes, repositioning, offers, answers, trip states and ping intervals
as the scenario, by the simulator's own policies; every event has the fields of the contract, goes
through a dict, `json` and `uuid` and is handed over with key and trace as the simulator's are. The
nearest driver is found by looking at all who are free. No faults, no ledger, no surge, no
figures, nothing that makes a run repeatable in steps: it does less than the simulator.
"""

import json
import uuid
from bisect import bisect_right
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import simpy

from contracts.domain import DRIVER_STATUS, GPS_PINGS, PAYMENTS, RATINGS, TRIPS, Topic
from contracts.events import Place
from contracts.zones import zone_at
from sim.domain.geometry import distance_m, heading_deg
from sim.domain.scenario import Scenario
from sim.engine.agents import Driver, Rider, make_drivers, make_riders
from sim.engine.drivers import Shift
from sim.engine.places import random_place
from sim.policies.choice import choose
from sim.policies.matching import ROAD_FACTOR
from sim.policies.repositioning import Outlook
from sim.policies.routing import Route

Process = Generator[simpy.Event, Any, None]
Send = Callable[[str, bytes, bytes, bytes], None]
_REACH_M = 8000.0
_METRES_PER_DEGREE = 111_195.0


@dataclass(slots=True)
class Car:
    """One driver at work."""

    driver: Driver
    here: tuple[float, float] = (0.0, 0.0)
    route: Route | None = None
    set_off_ms: int = 0
    status: str = "offline"
    trip_id: str | None = None
    cause_id: str | None = None
    has_offer: bool = False
    seq: dict[str, int] = field(default_factory=dict)

    def point(self, now_ms: int) -> tuple[float, float]:
        """Return where the car is."""
        route = self.route
        if route is None:
            return self.here
        passed_ms = now_ms - self.set_off_ms
        if passed_ms >= route.duration_ms:
            return route.points[-1]
        leg = bisect_right(route.at_ms, passed_ms) - 1
        a, b = route.points[leg], route.points[leg + 1]
        share = (passed_ms - route.at_ms[leg]) / (route.at_ms[leg + 1] - route.at_ms[leg])
        return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share

    def motion(self, now_ms: int) -> tuple[float, float]:
        """Return km/h and heading."""
        route, passed_ms = self.route, now_ms - self.set_off_ms
        if route is None or passed_ms >= route.duration_ms:
            return 0.0, 0.0
        leg = bisect_right(route.at_ms, passed_ms) - 1
        a, b = route.points[leg], route.points[leg + 1]
        took_ms = route.at_ms[leg + 1] - route.at_ms[leg]
        return distance_m(*a, *b) / took_ms * 3600, heading_deg(*a, *b)


class PlainCity:
    """A city in plain SimPy."""

    def __init__(self, scenario: Scenario, send: Send) -> None:
        self._scenario = scenario
        self._send = send
        self._rng = np.random.default_rng(scenario.seed)
        self._policies = choose(scenario)
        self.env = simpy.Environment(initial_time=scenario.start_ms)
        self._run = uuid.uuid4()
        self.events = 0
        self._cars = [Car(driver) for driver in make_drivers(scenario.agents, self._rng)]
        self._riders = make_riders(scenario.agents, self._policies.demand, self._rng)
        for car in self._cars:
            self.env.process(self._work(car))
        self.env.process(self._requests())

    def _tell(
        self, topic: Topic, key: str, number: int, correlation_id: str | None, **fields: Any
    ) -> str:
        moment = datetime.fromtimestamp(self.env.now / 1000, UTC)
        event_id = str(uuid.uuid5(self._run, f"{topic.name}/{key}/{number}"))
        event = {
            "event_id": event_id,
            "event_type": topic.entity,
            "schema_version": 1,
            "event_time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "run_id": str(self._run),
            "correlation_id": correlation_id,
            **fields,
        }
        trace = (correlation_id or event_id).replace("-", "")
        span = event_id.replace("-", "")[:16]
        self._send(
            topic.name,
            key.encode(),
            json.dumps(event).encode(),
            f"00-{trace}-{span}-01".encode(),
        )
        self.events += 1
        return event_id

    def _next(self, car: Car, topic: Topic) -> int:
        car.seq[topic.name] = car.seq.get(topic.name, 0) + 1
        return car.seq[topic.name]

    def _ping(self, car: Car, entity: str, kind: str, noise_m: float, seq: int) -> None:
        lat, lon = car.point(int(self.env.now))
        speed_kmh, heading = car.motion(int(self.env.now))
        north, east = self._rng.normal(0.0, noise_m / _METRES_PER_DEGREE, 2)
        self._tell(
            GPS_PINGS,
            entity,
            seq,
            car.trip_id,
            causation_id=car.cause_id,
            entity_type=kind,
            entity_id=entity,
            lat=round(lat + float(north), 7),
            lon=round(lon + float(east), 7),
            speed_kmh=round(speed_kmh, 1),
            heading_deg=heading,
            accuracy_m=round(2 * noise_m, 1),
            seq=seq,
            trip_id=car.trip_id,
            driver_status=car.status if kind == "driver" else None,
        )

    def _set_status(self, car: Car, status: str) -> None:
        lat, lon = car.point(int(self.env.now))
        previous, car.status = car.status, status
        name = car.driver.driver_id
        car.cause_id = self._tell(
            DRIVER_STATUS,
            name,
            self._next(car, DRIVER_STATUS),
            car.trip_id,
            causation_id=car.cause_id,
            driver_id=name,
            previous_status=previous,
            status=status,
            lat=round(lat, 7),
            lon=round(lon, 7),
            zone_id=zone_at(lat, lon),
        )

    def _speed_kmh(self, car: Car) -> float:
        hour = self._scenario.local_hour(int(self.env.now))
        return self._scenario.movement.speed_kmh_by_hour[hour] * car.driver.dna.speed_factor

    def _drive(self, car: Car, end: tuple[float, float]) -> Route:
        here = car.point(int(self.env.now))
        car.route = self._policies.routing.route(here, end, self._speed_kmh(car))
        car.set_off_ms = int(self.env.now)
        return car.route

    def _work(self, car: Car) -> Process:
        """Shift after shift, ping after ping."""
        movement, driver, rng = self._scenario.movement, car.driver, self._rng
        shift = Shift(driver, int(rng.integers(3_600_000)), self._scenario.utc_offset_hours)
        while True:
            start_ms, end_ms = shift.next(int(self.env.now))
            settles_ms = 5000 + int(rng.integers(20_000))
            yield self.env.timeout(max(start_ms - int(self.env.now), settles_ms))
            place = random_place(driver.home_zone_id, rng)
            car.here, car.route = (place.lat, place.lon), None
            self._set_status(car, "available")
            moves_at_ms = self.env.now + movement.reposition_after_s * 1000 * rng.uniform(0.5, 1.5)
            while self.env.now < end_ms or car.trip_id is not None or car.has_offer:
                is_idle = car.status == "available"
                yield self.env.timeout(
                    movement.ping_idle_ms if is_idle else movement.ping_active_ms
                )
                seq = self._next(car, GPS_PINGS)
                self._ping(car, driver.driver_id, "driver", driver.dna.gps_noise_m, seq)
                if car.status == "available" and self.env.now >= moves_at_ms:
                    moves_at_ms = self.env.now + movement.reposition_after_s * 1000
                    self._reposition(car)
            self._set_status(car, "offline")

    def _reposition(self, car: Car) -> None:
        lat, lon = car.point(int(self.env.now))
        outlook = Outlook(zone_at(lat, lon), car.driver.home_zone_id, int(self.env.now), {})
        zone_id = self._policies.repositioning.target_zone(car.driver.dna, outlook, self._rng)
        if zone_id is not None:
            place = random_place(zone_id, self._rng)
            self._drive(car, (place.lat, place.lon))

    def _requests(self) -> Process:
        number, demand, rng = 0, self._policies.demand, self._rng
        while True:
            next_ms = demand.next_request_ms(int(self.env.now), rng)
            yield self.env.timeout(next_ms - self.env.now)
            number += 1
            rider = self._riders[int(rng.integers(len(self._riders)))]
            if rider.trip_id is None:
                rider.trip_id = str(uuid.uuid5(self._run, f"trip/{number}"))
                self.env.process(self._ride(rider, rider.trip_id))

    def _ride(self, rider: Rider, trip_id: str) -> Process:
        env, rng, trips = self.env, self._rng, self._scenario.trips
        pickup = random_place(self._policies.demand.pickup_zone(int(env.now), rng), rng)
        dropoff = self._destination(pickup)
        trip = _Trip(self, trip_id, rider, pickup, dropoff)
        trip.tell("REQUESTED")
        gives_up_ms = env.now + rider.dna.patience_s * 1000
        car = None
        while car is None and env.now < gives_up_ms:
            found = self._nearest(pickup)
            if found is None:
                yield env.timeout(trips.offer_retry_s * 1000)
                continue
            found.has_offer = True
            trip.driver_id, trip.offers = found.driver.driver_id, trip.offers + 1
            trip.tell("OFFER_SENT")
            thinks_s = 1.0 + rng.gamma(2.0, 1.5)
            is_ignored = rng.random() < trips.offer_ignored_share or thinks_s > trips.offer_expiry_s
            yield env.timeout((trips.offer_expiry_s if is_ignored else thinks_s) * 1000)
            found.has_offer = False
            if not is_ignored and rng.random() < found.driver.dna.acceptance_ratio:
                car = found
                car.trip_id = trip_id
            else:
                trip.tell("OFFER_EXPIRED" if is_ignored else "OFFER_REJECTED")
        if car is None:
            trip.tell("CANCELLED")
        else:
            yield from self._carry(car, trip)
        rider.trip_id = None

    def _carry(self, car: Car, trip: "_Trip") -> Process:
        env, rng, trips = self.env, self._rng, self._scenario.trips
        trip.tell("MATCHED")
        yield env.timeout(rng.uniform(500, 3000))
        route = self._drive(car, (trip.pickup.lat, trip.pickup.lon))
        trip.tell("DRIVER_EN_ROUTE")
        self._set_status(car, "en_route")
        cancels = rng.random() < trips.driver_cancel_share
        yield env.timeout(max(1.0, route.duration_ms * (rng.uniform(0.1, 0.8) if cancels else 1)))
        if not cancels:
            trip.tell("DRIVER_ARRIVED")
            self._set_status(car, "at_pickup")
            cancels = rng.random() < trips.no_show_share
            waits_s = min(max(rng.exponential(trips.boarding_mean_s), 5.0), 240.0)
            yield env.timeout((trips.no_show_wait_s if cancels else waits_s) * 1000)
        if cancels:
            trip.tell("CANCELLED")
        else:
            trip.tell("STARTED")
            route = self._drive(car, (trip.dropoff.lat, trip.dropoff.lon))
            self._set_status(car, "on_trip")
            riding = env.process(self._rider(car, trip.rider.rider_id))
            yield env.timeout(max(1, route.duration_ms))
            riding.interrupt()
            trip.tell("COMPLETED")
            env.process(self._settle(trip, route))
        car.here, car.route = car.point(int(env.now)), None
        car.trip_id = None
        self._set_status(car, "available")

    def _rider(self, car: Car, name: str) -> Process:
        seq = 0
        try:
            while True:
                yield self.env.timeout(self._scenario.movement.ping_active_ms)
                seq += 1
                self._ping(car, name, "rider", 4.0, seq)
        except simpy.Interrupt:
            return

    def _settle(self, trip: "_Trip", route: Route) -> Process:
        yield self.env.timeout(self._rng.uniform(1000, 4000))
        paid = self._policies.pricing.price(route.distance_mm, route.duration_ms, 1.0)
        self._tell(
            PAYMENTS,
            trip.trip_id,
            1,
            trip.trip_id,
            payment_id=str(uuid.uuid4()),
            fare_minor=paid.fare_minor,
            fee_minor=paid.fee_minor,
            payout_minor=paid.payout_minor,
        )
        for seq, rater in enumerate(("rider", "driver"), start=1):
            yield self.env.timeout(self._rng.uniform(3000, 40_000))
            stars = 1 + int(self._rng.binomial(4, 0.9))
            self._tell(RATINGS, trip.trip_id, seq, trip.trip_id, rater=rater, stars=stars)

    def _nearest(self, pickup: Place) -> Car | None:
        best, best_m = None, _REACH_M
        for car in self._cars:
            if car.status == "available" and car.trip_id is None and not car.has_offer:
                lat, lon = car.point(int(self.env.now))
                away_m = distance_m(lat, lon, pickup.lat, pickup.lon) * ROAD_FACTOR
                if away_m < best_m:
                    best, best_m = car, away_m
        return best

    def _destination(self, pickup: Place) -> Place:
        assert pickup.zone_id is not None
        while True:
            zone_id = self._policies.demand.dropoff_zone(
                pickup.zone_id, int(self.env.now), self._rng
            )
            place = random_place(zone_id, self._rng)
            away_m = distance_m(pickup.lat, pickup.lon, place.lat, place.lon)
            if 700 <= away_m <= self._scenario.demand.longest_trip_m:
                return place


@dataclass(slots=True)
class _Trip:
    city: PlainCity
    trip_id: str
    rider: Rider
    pickup: Place
    dropoff: Place
    driver_id: str | None = None
    offers: int = 0
    state: str | None = None
    changes: int = 0
    cause_id: str | None = None

    def tell(self, state: str) -> None:
        """Report a new state."""
        previous, self.state = self.state, state
        self.changes += 1
        ends = [
            {"lat": place.lat, "lon": place.lon, "zone_id": place.zone_id, "h3": place.h3}
            for place in (self.pickup, self.dropoff)
        ]
        self.cause_id = self.city._tell(
            TRIPS,
            self.trip_id,
            self.changes,
            self.trip_id,
            causation_id=self.cause_id,
            trip_id=self.trip_id,
            state=state,
            previous_state=previous,
            rider_id=self.rider.rider_id,
            driver_id=self.driver_id,
            pickup=ends[0],
            dropoff=ends[1],
            offer_sequence=self.offers,
            surge_multiplier=1.0,
            currency="BRL",
            fare_minor=None,
            distance_m=None,
            duration_s=None,
            pickup_eta_s=None,
            cancelled_by=None,
            cancel_reason=None,
        )
