"""The same city written plainly, to compare with: a SimPy process per agent, a timeout per ping.

Same zones, demand, speeds, ping intervals and offers as the scenario; positions are stepped from
ping to ping, every ping is a dict through `json` and `uuid`, and the nearest driver is found by
looking at all. No faults, no ledger, no surge, no routes: it does less than the simulator.
"""

import json
import math
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import simpy

from sim.domain.geometry import distance_m
from sim.domain.scenario import Scenario
from sim.engine.places import random_place
from sim.policies.choice import choose

Process = Generator[simpy.Event, Any, None]


@dataclass(slots=True)
class Car:
    """One driver."""

    name: str
    lat: float
    lon: float
    is_busy: bool = False
    status: str = "available"
    target: tuple[float, float] | None = None
    arrived: simpy.Event | None = field(default=None)
    seq: int = 0


class PlainCity:
    """Everybody on shift all the time."""

    def __init__(self, scenario: Scenario, send: Callable[[bytes], None]) -> None:
        self._scenario = scenario
        self._send = send
        self._rng = np.random.default_rng(scenario.seed)
        self._demand = choose(scenario).demand
        self.env = simpy.Environment(initial_time=scenario.start_ms)
        self._run = uuid.uuid4()
        self.events = 0
        self._cars = []
        for number in range(scenario.agents.drivers):
            place = random_place(self._demand.home_zone(self._rng), self._rng)
            car = Car(f"driver-{number:06d}", place.lat, place.lon)
            self._cars.append(car)
            self.env.process(self._drive(car))
        self.env.process(self._requests())

    def _speed_m_per_ms(self) -> float:
        hour = self._scenario.local_hour(int(self.env.now))
        return self._scenario.movement.speed_kmh_by_hour[hour] / 3600.0

    def _tell(self, kind: str, entity: str, seq: int, **fields: Any) -> None:
        moment = datetime.fromtimestamp(self.env.now / 1000, UTC)
        event = {
            "event_id": str(uuid.uuid5(self._run, f"{kind}/{entity}/{seq}")),
            "event_type": kind,
            "schema_version": 1,
            "event_time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "run_id": str(self._run),
            "entity_id": entity,
            "seq": seq,
            **fields,
        }
        self._send(json.dumps(event).encode())
        self.events += 1

    def _drive(self, car: Car) -> Process:
        movement = self._scenario.movement
        while True:
            interval_ms = movement.ping_active_ms if car.is_busy else movement.ping_idle_ms
            yield self.env.timeout(float(self._rng.uniform(0.9, 1.1)) * interval_ms)
            if car.target is not None:
                step_m = self._speed_m_per_ms() * interval_ms / 1.2
                away_m = distance_m(car.lat, car.lon, *car.target)
                share = 1.0 if away_m <= step_m else step_m / away_m
                car.lat += (car.target[0] - car.lat) * share
                car.lon += (car.target[1] - car.lon) * share
                if share == 1.0 and car.arrived is not None and not car.arrived.triggered:
                    car.target = None
                    car.arrived.succeed()
            self._ping(car.name, car, car.status)

    def _ping(self, name: str, car: Car, status: str | None) -> None:
        car.seq += 1
        self._tell(
            "gps_ping",
            name,
            car.seq,
            lat=round(car.lat + float(self._rng.normal(0, 4e-5)), 7),
            lon=round(car.lon + float(self._rng.normal(0, 4e-5)), 7),
            speed_kmh=round(self._speed_m_per_ms() * 3600, 1),
            heading_deg=round(math.degrees(math.atan2(car.lon, car.lat)) % 360, 1),
            accuracy_m=8.0,
            driver_status=status,
        )

    def _requests(self) -> Process:
        number = 0
        while True:
            next_ms = self._demand.next_request_ms(int(self.env.now), self._rng)
            yield self.env.timeout(next_ms - self.env.now)
            number += 1
            self.env.process(self._ride(f"trip-{number}"))

    def _ride(self, name: str) -> Process:
        zone_id = self._demand.pickup_zone(int(self.env.now), self._rng)
        pickup = random_place(zone_id, self._rng)
        dropoff_zone_id = self._demand.dropoff_zone(zone_id, int(self.env.now), self._rng)
        dropoff = random_place(dropoff_zone_id, self._rng)
        self._tell("trip", name, 1, state="REQUESTED")
        free = [car for car in self._cars if not car.is_busy]
        if not free:
            self._tell("trip", name, 2, state="CANCELLED")
            return
        car = min(free, key=lambda c: distance_m(c.lat, c.lon, pickup.lat, pickup.lon))
        car.is_busy = True
        for seq, (state, status, place) in enumerate(
            (("DRIVER_EN_ROUTE", "en_route", pickup), ("STARTED", "on_trip", dropoff)), start=2
        ):
            car.status = status
            self._tell("trip", name, seq, state=state)
            self._tell("driver_status", car.name, seq, status=status)
            car.target, car.arrived = (place.lat, place.lon), self.env.event()
            riding = self.env.process(self._rider(car)) if status == "on_trip" else None
            yield car.arrived
            if riding is not None:
                riding.interrupt()
        car.is_busy, car.status = False, "available"
        self._tell("trip", name, 4, state="COMPLETED")

    def _rider(self, car: Car) -> Process:
        try:
            while True:
                yield self.env.timeout(self._scenario.movement.ping_active_ms)
                self._ping(f"rider-of-{car.name}", car, None)
        except simpy.Interrupt:
            return
