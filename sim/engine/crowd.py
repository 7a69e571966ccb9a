"""What the city does as a whole.

Requests come in, surge is sampled, profiles change, everybody moves.
"""

from collections.abc import Callable, Generator
from typing import Any, Final

import msgspec
import numpy as np
import simpy

from contracts.events import Place
from contracts.rules import SURGE_SLIDE_MS
from contracts.zones import ZONES
from sim.domain.dna import draw_payment_method
from sim.domain.geometry import distance_m
from sim.domain.trip import Trip
from sim.engine.agents import VEHICLE_CLASSES, Driver, Rider
from sim.engine.city import City
from sim.engine.drivers import PROFILES_WITHIN_MS
from sim.engine.places import random_place
from sim.engine.rides import Ride
from sim.policies.surge import ZoneCounts

Process = Generator[simpy.Event, Any, None]
_SHORTEST_TRIP_M: Final = 700.0
_TRACK_EVERY_MS: Final = 15_000
_HOUR_S: Final = 3600.0


def requests(city: City, new_id: Callable[[str], str], start: Callable[[Ride], None]) -> Process:
    """Let riders ask for rides.

    Args:
        city: The city.
        new_id: Makes the run's UUID of a name.
        start: Begins the process of a ride.
    """
    arrivals = city.streams.of("arrivals")
    number = 0
    while True:
        next_ms = city.decisions.demand.next_request_ms(city.now_ms, arrivals)
        yield city.env.timeout(next_ms - city.now_ms)
        number += 1
        if not city.accepts_requests:
            continue
        rng = city.streams.numbered("request", number)
        pickup = random_place(city.decisions.demand.pickup_zone(city.now_ms, rng), rng)
        dropoff = _destination(city, pickup, rng)
        rider = _someone(city, pickup, rng)
        if rider is None:
            city.unserved_demand += 1
            continue
        trip = Trip(
            trip_id=new_id(f"trip/{number}"),
            rider_id=rider.rider_id,
            pickup=pickup,
            dropoff=dropoff,
            surge_multiplier=city.multipliers.get(pickup.zone_id or 0, 1.0),
        )
        start(Ride(city, trip, rider, rng))


def _someone(city: City, pickup: Place, rng: np.random.Generator) -> Rider | None:
    """Return a rider without a trip, None where all have one.

    It is one who lives or works there if two draws find one, else the next at rest.
    """
    count = len(city.riders)
    first = int(rng.integers(count))
    for draw in (first, int(rng.integers(count))):
        rider = city.riders[draw]
        if rider.is_at_rest and pickup.zone_id in (
            rider.dna.home_zone_id,
            rider.dna.work_zone_id,
        ):
            return rider
    for step in range(count):
        rider = city.riders[(first + step) % count]
        if rider.is_at_rest:
            return rider
    return None


def _destination(city: City, pickup: Place, rng: np.random.Generator) -> Place:
    zone_id = pickup.zone_id
    assert zone_id is not None  # noqa: S101 - pickups are drawn inside zones
    while True:
        place = random_place(city.decisions.demand.dropoff_zone(zone_id, city.now_ms, rng), rng)
        away_m = distance_m(pickup.lat, pickup.lon, place.lat, place.lon)
        if _SHORTEST_TRIP_M <= away_m <= city.scenario.demand.longest_trip_m:
            return place


def surge(city: City) -> Process:
    """Sample demand and supply at every slide and report the multipliers that changed."""
    while True:
        yield city.env.timeout(SURGE_SLIDE_MS - city.now_ms % SURGE_SLIDE_MS)
        counts = city.zone_counts()
        now = dict(city.decisions.surge.sample(counts))
        for zone in sorted(now.keys() | city.multipliers.keys()):
            before, after = city.multipliers.get(zone, 1.0), now.get(zone, 1.0)
            if before != after:
                city.reporter.surge(
                    zone, before, after, counts.get(zone, ZoneCounts(0, 0)), city.now_ms
                )
        city.multipliers = now


def roaming(city: City) -> Process:
    """Follow idle drivers who are under way."""
    while True:
        yield city.env.timeout(_TRACK_EVERY_MS - city.now_ms % _TRACK_EVERY_MS)
        city.track_roaming()


def profiles(city: City) -> Process:
    """Report every agent within the first seconds, then a change of somebody now and then."""
    started_ms = city.now_ms
    agents: list[Driver | Rider] = [*city.drivers, *city.riders]
    for position, agent in enumerate(agents):
        at_ms = started_ms + position * PROFILES_WITHIN_MS // len(agents)
        if isinstance(agent, Rider):
            city.reporter.rider_profile(agent, True, at_ms)
        else:
            city.reporter.driver_profile(agent, True, at_ms)
    per_hour = city.scenario.agents.profile_updates_per_hour
    if not per_hour:
        return
    yield city.env.timeout(PROFILES_WITHIN_MS)
    rng = city.streams.of("profile_updates")
    while True:
        yield city.wait(rng.exponential(_HOUR_S / per_hour))
        if rng.random() < 0.5:
            _update_driver(city)
        else:
            _update_rider(city)


def _update_driver(city: City) -> None:
    rng = city.streams.of("profile_updates")
    driver = city.drivers[int(rng.integers(len(city.drivers)))]
    if rng.random() < 0.5:
        others = [name for name in VEHICLE_CLASSES if name != driver.vehicle_class]
        driver.vehicle_class = others[int(rng.integers(len(others)))]
    else:
        driver.home_zone_id = ZONES[int(rng.integers(len(ZONES)))].zone_id
    city.reporter.driver_profile(driver, False, city.now_ms)


def _update_rider(city: City) -> None:
    rng = city.streams.of("profile_updates")
    rider = city.riders[int(rng.integers(len(city.riders)))]
    if rng.random() < 0.5:
        rider.dna = msgspec.structs.replace(rider.dna, payment_method=draw_payment_method(rng))
    else:
        zone_id = city.decisions.demand.work_zone(rider.dna.home_zone_id, rng)
        rider.dna = msgspec.structs.replace(rider.dna, work_zone_id=zone_id)
    city.reporter.rider_profile(rider, False, city.now_ms)
