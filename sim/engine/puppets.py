"""Agents steered from outside: added, removed, and moved like puppets.

Everything happens at the present instant, between two steps. What an agent cannot do now is
refused with what it can.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import simpy

from contracts.events import CancelledBy, CancelReason, DriverStatus, EntityType, Place, TripState
from contracts.zones import ZONES
from sim.domain import commands as c
from sim.domain.dna import draw_driver, draw_rider
from sim.domain.trip import Trip
from sim.engine.agents import Driver, Rider
from sim.engine.city import City
from sim.engine.drivers import work
from sim.engine.places import place_at
from sim.engine.rides import CalledOff, Ride

_SERVED: Final = frozenset(zone.zone_id for zone in ZONES if zone.cell_count)
_RIDER_NOISE_M: Final = 4.0
_UNSTARTED: Final = frozenset(
    {TripState.MATCHED, TripState.DRIVER_EN_ROUTE, TripState.DRIVER_ARRIVED}
)


class Puppets:
    """Applies commands to the agents of a city."""

    def __init__(
        self,
        city: City,
        new_id: Callable[[str], str],
        start_ride: Callable[[Ride], None],
        interrupt_ride: Callable[[str, CalledOff], None],
        workers: dict[int, simpy.Process],
    ) -> None:
        """Take hold of a city.

        Args:
            city: The city.
            new_id: Makes the run's UUID of a name.
            start_ride: Begins the process of a ride.
            interrupt_ride: Ends the ride of a trip.
            workers: The processes of the drivers who are no puppets, by number.
        """
        self._city = city
        self._new_id = new_id
        self._start_ride = start_ride
        self._interrupt_ride = interrupt_ride
        self._workers = workers
        self._drivers = {driver.driver_id: driver for driver in city.drivers}
        self._riders = {rider.rider_id: rider for rider in city.riders}
        self._added = 0
        self._requested = 0

    def apply(self, command: c.AgentCommand) -> None:
        """Do what is asked.

        Raises:
            CommandInvalid: It names an agent or a place that cannot be.
            PuppetRefused: The agent cannot do it in its present state.
        """
        if isinstance(command, c.AddDriver):
            self._add_driver(command)
        elif isinstance(command, c.AddRider):
            self._add_rider(command)
        elif isinstance(command, (c.RequestRide, c.RemoveRider)) or (
            isinstance(command, c.Cancel) and command.agent_id in self._riders
        ):
            self._steer_rider(command)
        else:
            self._steer_driver(command)

    # drivers

    def _add_driver(self, command: c.AddDriver) -> None:
        city = self._city
        self._check_new(command.agent_id, command.home_zone_id)
        self._added += 1
        rng = city.streams.numbered("added_agent", self._added)
        dna = draw_driver(rng, city.scenario.agents.shift_start_weights)
        hour = city.scenario.local_hour(city.now_ms)
        driver = Driver(
            number=city.fleet.grow(command.agent_id, EntityType.DRIVER, dna.gps_noise_m),
            driver_id=command.agent_id,
            display_name=command.agent_id,
            vehicle_class="economy",
            home_zone_id=command.home_zone_id,
            dna=msgspec.structs.replace(dna, shift_start_hour=hour),
            is_puppet=command.is_puppet,
        )
        city.drivers.append(driver)
        city.driver_at[driver.number] = driver
        self._drivers[driver.driver_id] = driver
        city.reporter.driver_profile(driver, True, city.now_ms)
        if not driver.is_puppet:
            self._workers[driver.number] = city.env.process(
                work(city, driver, rng, begins_within_ms=0)
            )

    def _steer_driver(self, command: c.AgentCommand) -> None:
        city = self._city
        driver = self._drivers.get(command.agent_id)
        if driver is None:
            raise c.CommandInvalid(f"there is no agent {command.agent_id}")
        if isinstance(command, c.RemoveDriver) and not driver.is_puppet:
            process = self._workers.pop(driver.number, None)
            if process is None:
                raise c.PuppetRefused(driver.driver_id, "remove_driver", "removed", ())
            process.interrupt()
            return
        self._check(command, driver.driver_id, *self._driver_state(driver))
        if isinstance(command, c.GoOnline):
            city.go_online(driver, _served(command.lat, command.lon))
        elif isinstance(command, c.DriveTo):
            target = _served(command.lat, command.lon)
            here = city.fleet.position(driver.number, city.now_ms)
            speed_kmh = city.speed_kmh(driver)
            route = city.decisions.routing.route(here, (target.lat, target.lon), speed_kmh)
            city.roam(driver, route)
        elif isinstance(command, (c.Accept, c.Reject)):
            driver.answer = isinstance(command, c.Accept)
        elif isinstance(command, c.Cancel):
            assert driver.trip_id is not None  # noqa: S101 - its state says so
            off = CalledOff(CancelledBy.DRIVER, CancelReason.DRIVER_CANCELLED)
            self._interrupt_ride(driver.trip_id, off)
        elif driver.status is not DriverStatus.OFFLINE:
            city.go_offline(driver)
        if isinstance(command, c.RemoveDriver):
            driver.is_leaving = True

    def _driver_state(self, driver: Driver) -> tuple[str, tuple[str, ...]]:
        """Return what a puppet driver is doing, and what it can do now."""
        if not driver.is_puppet:
            return "no puppet", ("remove_driver",)
        if driver.is_leaving:
            return "removed", ()
        if driver.status is DriverStatus.OFFLINE:
            return "offline", ("go_online", "remove_driver")
        if driver.has_offer:
            return "offered a trip", ("accept", "reject") if driver.answer is None else ()
        if driver.trip_id is None:
            return "available", ("go_offline", "drive_to", "remove_driver")
        state = self._city.trips[driver.trip_id].state
        return f"on a trip in {state}", ("cancel",) if state in _UNSTARTED else ()

    # riders

    def _add_rider(self, command: c.AddRider) -> None:
        city = self._city
        self._check_new(command.agent_id, command.home_zone_id)
        self._added += 1
        rng = city.streams.numbered("added_agent", self._added)
        work_zone_id = city.decisions.demand.work_zone(command.home_zone_id, rng)
        rider = Rider(
            number=len(city.riders),
            entity=city.fleet.grow(command.agent_id, EntityType.RIDER, _RIDER_NOISE_M),
            rider_id=command.agent_id,
            display_name=command.agent_id,
            dna=draw_rider(rng, command.home_zone_id, work_zone_id),
            is_puppet=command.is_puppet,
        )
        city.riders.append(rider)
        self._riders[rider.rider_id] = rider
        city.reporter.rider_profile(rider, True, city.now_ms)

    def _steer_rider(self, command: c.AgentCommand) -> None:
        city = self._city
        rider = self._riders.get(command.agent_id)
        if rider is None:
            raise c.CommandInvalid(f"there is no rider {command.agent_id}")
        self._check(command, rider.rider_id, *self._rider_state(rider))
        if isinstance(command, c.RemoveRider):
            rider.is_puppet = rider.is_removed = True
        elif isinstance(command, c.Cancel):
            assert rider.trip_id is not None  # noqa: S101 - its state says so
            off = CalledOff(CancelledBy.RIDER, CancelReason.RIDER_CHANGED_MIND)
            self._interrupt_ride(rider.trip_id, off)
        elif isinstance(command, c.RequestRide):
            pickup = _served(command.lat, command.lon)
            dropoff = _served(command.dropoff_lat, command.dropoff_lon)
            # a refused request is not recorded, so it must not count either
            self._requested += 1
            trip = Trip(
                trip_id=self._new_id(f"trip/puppet/{self._requested}"),
                rider_id=rider.rider_id,
                pickup=pickup,
                dropoff=dropoff,
                surge_multiplier=city.multipliers.get(pickup.zone_id or 0, 1.0),
            )
            rng = city.streams.numbered("puppet_request", self._requested)
            self._start_ride(Ride(city, trip, rider, rng))

    def _rider_state(self, rider: Rider) -> tuple[str, tuple[str, ...]]:
        """Return what a rider is doing, and what it can be made to do now."""
        if rider.is_removed:
            return "removed", ()
        if rider.trip_id is None:
            if not rider.is_puppet:
                return "at rest and no puppet", ("remove_rider",)
            if not self._city.accepts_requests:
                return "at rest, and the city takes no requests", ("remove_rider",)
            return "at rest", ("request", "remove_rider")
        state = self._city.trips[rider.trip_id].state
        is_before = state in _UNSTARTED or state in (
            TripState.REQUESTED,
            TripState.OFFER_SENT,
            TripState.OFFER_EXPIRED,
            TripState.OFFER_REJECTED,
        )
        return f"on a trip in {state}", ("cancel",) if rider.is_puppet and is_before else ()

    # both

    def _check(
        self, command: c.AgentCommand, agent_id: str, state: str, allowed: tuple[str, ...]
    ) -> None:
        name = c.name_of(command)
        if name not in allowed:
            raise c.PuppetRefused(agent_id, name, state, allowed)

    def _check_new(self, agent_id: str, home_zone_id: int) -> None:
        if agent_id in self._drivers or agent_id in self._riders:
            raise c.CommandInvalid(f"agent_id: there is an agent {agent_id} already")
        if home_zone_id not in _SERVED:
            raise c.CommandInvalid(f"home_zone_id: {home_zone_id} is outside the service area")


def _served(lat: float, lon: float) -> Place:
    """Return a place of the service area.

    Raises:
        CommandInvalid: The point lies outside.
    """
    place = place_at(round(lat, 7), round(lon, 7))
    if place.zone_id is None:
        raise c.CommandInvalid(f"lat, lon: {lat}, {lon} is outside the service area")
    return place
