"""Puppets told anything at any time: what is allowed happens, what is not changes nothing."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.events import DriverStatus, DriverStatusEvent, Payment, TripEvent, TripState
from sim.control import scenarios
from sim.domain import commands as c
from sim.domain.trip import FINAL_STATES, TRANSITIONS
from sim.engine.places import random_place
from sim.engine.simulation import Simulation

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"
STEPS = {(state, following) for (state, _), following in TRANSITIONS.items()}
QUIET = {
    "agents": {"drivers": 1, "riders": 1, "profile_updates_per_hour": 0},
    "demand": {"peak_requests_per_hour": 1e-6},
}
DRIVERS = ("car-1", "car-2")
RIDERS = ("guest-1", "guest-2")

places = st.sampled_from(
    [
        (place.lat, place.lon)
        for zone_id in (78, 66, 7, 49)
        for place in [random_place(zone_id, np.random.default_rng(zone_id))]
    ]
)


class PuppetTheatre(RuleBasedStateMachine):
    """Two puppet drivers and two puppet riders in a city without anybody else to speak of."""

    def __init__(self):
        super().__init__()
        scenario = scenarios.named("small", QUIET)
        self.simulation = Simulation(scenario, RUN, self)
        self.states = {}
        self.statuses = {}
        self.fares = {}

    @initialize()
    def enter(self):
        for name in DRIVERS:
            self.simulation.apply(c.AddDriver(agent_id=name, home_zone_id=78, is_puppet=True))
        for name in RIDERS:
            self.simulation.apply(c.AddRider(agent_id=name, home_zone_id=78, is_puppet=True))

    def emit(self, topic, key, event, event_time_ms):
        if isinstance(event, TripEvent):
            known = self.states.get(event.trip_id)
            assert event.previous_state is known
            assert known is not None or event.state is TripState.REQUESTED
            assert known is None or (known, event.state) in STEPS
            self.states[event.trip_id] = event.state
            if event.state is TripState.COMPLETED:
                self.fares[event.trip_id] = event.fare_minor
        elif isinstance(event, DriverStatusEvent):
            assert event.previous_status == self.statuses.get(event.driver_id, DriverStatus.OFFLINE)
            self.statuses[event.driver_id] = event.status
        elif isinstance(event, Payment):
            assert event.fare_minor == event.fee_minor + event.payout_minor
            assert event.fare_minor == self.fares.pop(event.trip_id)

    def tell(self, command):
        """Apply a command; one that is refused must name others and leave the city as it was."""
        before = self.simulation.digest()
        told = len(self.states), dict(self.statuses)
        refusal = None
        try:
            self.simulation.apply(command)
        except c.PuppetRefused as refused:
            refusal = refused
        if refusal is not None:
            assert c.name_of(command) not in refusal.allowed
            assert self.simulation.digest() == before
            assert (len(self.states), self.statuses) == told

    @rule(driver=st.sampled_from(DRIVERS), place=places)
    def go_online(self, driver, place):
        was = self.statuses.get(driver, DriverStatus.OFFLINE)
        self.tell(c.GoOnline(agent_id=driver, lat=place[0], lon=place[1]))
        if was is DriverStatus.OFFLINE:
            assert self.statuses[driver] is DriverStatus.AVAILABLE

    @rule(driver=st.sampled_from(DRIVERS), place=places)
    def drive_to(self, driver, place):
        self.tell(c.DriveTo(agent_id=driver, lat=place[0], lon=place[1]))

    @rule(
        driver=st.sampled_from(DRIVERS),
        command=st.sampled_from([c.GoOffline, c.Accept, c.Accept, c.Reject, c.Cancel]),
    )
    def steer(self, driver, command):
        self.tell(command(agent_id=driver))

    @rule(rider=st.sampled_from(RIDERS), pickup=places, dropoff=places)
    def request(self, rider, pickup, dropoff):
        self.tell(
            c.RequestRide(
                agent_id=rider,
                lat=pickup[0],
                lon=pickup[1],
                dropoff_lat=dropoff[0],
                dropoff_lon=dropoff[1],
            )
        )

    @rule(rider=st.sampled_from(RIDERS))
    def cancel(self, rider):
        started = {trip for trip, state in self.states.items() if state is TripState.STARTED}
        self.tell(c.Cancel(agent_id=rider))
        self.simulation.step(self.simulation.now_ms + 1)
        assert all(self.states[trip] is not TripState.CANCELLED for trip in started)

    @rule(seconds=st.sampled_from([1, 3, 20, 120, 900]))
    def wait(self, seconds):
        self.simulation.step(self.simulation.now_ms + seconds * 1000)

    @invariant()
    def every_driver_has_what_the_trips_say(self):
        city = self.simulation.city
        held = [driver.trip_id for driver in city.drivers if driver.trip_id]
        assert len(held) == len(set(held))
        for driver in city.drivers:
            if driver.trip_id:
                assert city.trips[driver.trip_id].driver_id == driver.driver_id
            if driver.status is DriverStatus.OFFLINE:
                assert not driver.trip_id
                assert not driver.has_offer
        asking = [rider.trip_id for rider in city.riders if rider.trip_id]
        assert len(asking) == len(set(asking))
        assert set(asking) == set(city.trips)

    def teardown(self):
        self.simulation.stop_requests()
        self.simulation.end_trips_now()
        while self.simulation.trips_in_flight:
            self.simulation.step(self.simulation.now_ms + 60_000)
        assert set(self.states.values()) <= FINAL_STATES
        assert not self.fares


PuppetTheatre.TestCase.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
TestPuppetTheatre = PuppetTheatre.TestCase


def test_a_second_command_of_the_same_instant_meets_what_the_first_did():
    theatre = PuppetTheatre()
    theatre.enter()
    here, there = (random_place(78, np.random.default_rng(seed)) for seed in (1, 2))
    request = c.RequestRide(
        agent_id="guest-1",
        lat=here.lat,
        lon=here.lon,
        dropoff_lat=there.lat,
        dropoff_lon=there.lon,
    )
    theatre.simulation.apply(request)
    with pytest.raises(c.PuppetRefused, match="on a trip in REQUESTED"):
        theatre.simulation.apply(request)
    theatre.simulation.end_trips_now()
    theatre.teardown()
