"""One run of one city: wires the parts, moves time forward, drains."""

import hashlib
from collections.abc import Callable

import simpy

from contracts.events import TripState
from sim.domain import commands
from sim.domain.scenario import Scenario
from sim.engine import crowd
from sim.engine.agents import make_drivers, make_riders
from sim.engine.city import City
from sim.engine.drivers import work
from sim.engine.fleet import Fleet
from sim.engine.pings import PingBlock
from sim.engine.puppets import Puppets
from sim.engine.reports import Reporter
from sim.engine.rides import CalledOff, Ride
from sim.engine.sink import EventSink
from sim.engine.stamping import Stamper
from sim.engine.streams import Streams
from sim.policies.choice import choose
from sim.policies.routing import RoutingPolicy
from sim.policies.surge import StreamedSurge


class Simulation:
    """A city that can be stepped.

    Same scenario and run_id, same events in the same order, however it is stepped.
    """

    def __init__(
        self,
        scenario: Scenario,
        run_id: str,
        sink: EventSink,
        routing: RoutingPolicy | None = None,
        *,
        pings: Callable[[PingBlock], None] | None = None,
    ) -> None:
        """Set up the city at the start of its scenario.

        Args:
            scenario: The city.
            run_id: A UUID.
            sink: Takes the events.
            routing: A routing service to ask instead of the built-in one.
            pings: Takes the positions; without it none are told, and nothing else depends on it.
        """
        self.scenario = scenario
        self.run_id = run_id
        self._env = simpy.Environment(initial_time=scenario.start_ms)
        streams = Streams(scenario.seed)
        decisions = choose(scenario, routing)
        stamper = Stamper(run_id)
        reporter = Reporter(stamper, sink)
        people = streams.of("people")
        drivers = make_drivers(scenario.agents, people)
        riders = make_riders(scenario.agents, decisions.demand, people)
        fleet = Fleet(
            entity_ids=[d.driver_id for d in drivers] + [r.rider_id for r in riders],
            driver_count=len(drivers),
            noise_m=[d.dna.gps_noise_m for d in drivers] + [4.0] * len(riders),
            keys=(
                *stamper.words("ping"),
                streams.word("gps_noise_north"),
                streams.word("gps_noise_east"),
            ),
            emit=pings,
        )
        self.city = City(self._env, scenario, decisions, streams, reporter, fleet, drivers, riders)
        self._rides: dict[str, simpy.Process] = {}
        self._stepped_ms = scenario.start_ms
        shifts = streams.of("shifts")
        self._env.process(crowd.profiles(self.city))
        self._workers = {
            driver.number: self._env.process(work(self.city, driver, shifts)) for driver in drivers
        }
        self._stamper = stamper
        self._puppets = Puppets(
            self.city, stamper.derive, self._start_ride, self._call_off, self._workers
        )
        self._env.process(crowd.requests(self.city, stamper.derive, self._start_ride))
        self._env.process(crowd.surge(self.city))
        self._env.process(crowd.roaming(self.city))
        if self.city.desk.interval_ms is not None:
            self._env.process(self.city.desk.rounds())

    @property
    def now_ms(self) -> int:
        """Simulated time in epoch milliseconds."""
        return self._stepped_ms

    @property
    def complete_until_ms(self) -> int:
        """No event with a time up to this one will come any more."""
        return self._stepped_ms - 1

    @property
    def trips_in_flight(self) -> int:
        """Trips that have not ended, their payment and ratings included."""
        return len(self._rides)

    def step(self, until_ms: int) -> None:
        """Let everything before `until_ms` happen."""
        if until_ms > self._stepped_ms:
            self._env.run(until=until_ms)
            self._stepped_ms = until_ms
            self.city.fleet.tick(until_ms - 1)

    def apply(self, command: commands.Command) -> None:
        """Do what a command asks, at the present instant.

        Raises:
            CommandInvalid: It names an agent or a place that cannot be, or a multiplier that
                nobody asks for.
            PuppetRefused: An agent cannot do it in its present state.
        """
        if isinstance(command, commands.Drain):
            self.stop_requests()
        elif isinstance(command, commands.Resume):
            self.resume_requests()
        elif isinstance(command, commands.EndTripsNow):
            self.end_trips_now()
        elif isinstance(command, commands.SetSurge):
            surge = self.city.decisions.surge
            if not isinstance(surge, StreamedSurge):
                raise commands.CommandInvalid("set_surge needs policies.surge: streamed")
            surge.receive(command.zone_id, command.multiplier)
        elif not isinstance(command, commands.End):
            self._puppets.apply(command)
            self._live_this_instant()

    def digest(self) -> str:
        """Return a hash of all that the future depends on, but for the processes' own frames."""
        city = self.city
        state = {
            "now_ms": self._stepped_ms,
            "fleet": city.fleet.digest(),
            "generators": city.streams.states(),
            "drivers": [
                (
                    d.driver_id,
                    d.status,
                    d.zone_id,
                    d.trip_id,
                    d.has_offer,
                    d.is_leaving,
                    repr(d.dna),
                )
                for d in city.drivers
            ],
            "riders": [(r.rider_id, r.trip_id, repr(r.dna)) for r in city.riders],
            "trips": {key: repr(trip) for key, trip in sorted(city.trips.items())},
            "counts": sorted(city.trip_counts.items()),
            "multipliers": sorted(city.multipliers.items()),
            "sequences": self._stamper.digest(),
        }
        return hashlib.sha256(repr(state).encode()).hexdigest()

    def _live_this_instant(self) -> None:
        """Let begin what a command has set going, so that the next one meets its result."""
        while self._env.peek() <= self._stepped_ms:
            self._env.step()
        self.city.fleet.tick(self._stepped_ms - 1)

    def stop_requests(self) -> None:
        """Begin a drain: no new requests, everything under way goes on."""
        self.city.accepts_requests = False

    def resume_requests(self) -> None:
        """End a drain: riders may ask again."""
        self.city.accepts_requests = True

    def end_trips_now(self) -> None:
        """End a drain's patience.

        The system cancels what has not started and completes what has.
        """
        for trip_id, process in list(self._rides.items()):
            if not self.city.trips[trip_id].is_final:
                process.interrupt()

    def trips_by_state(self) -> dict[TripState, int]:
        """Return the number of trips by state, final ones since the start of the run."""
        return {state: self.city.trip_counts[state] for state in TripState}

    def _call_off(self, trip_id: str, off: CalledOff) -> None:
        self._rides[trip_id].interrupt(off)

    def _start_ride(self, ride: Ride) -> None:
        process = self._env.process(ride.run())
        trip_id = ride.trip.trip_id
        self._rides[trip_id] = process

        def forget(_: simpy.Event) -> None:
            del self._rides[trip_id]

        process.callbacks.append(forget)
