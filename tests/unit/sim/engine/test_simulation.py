"""The laws that hold whatever happens, on a village with everything switched up."""

from collections import defaultdict
from itertools import pairwise

import pytest

from contracts.events import CancelledBy, CancelReason, DriverStatus, TripState
from sim.control import scenarios
from sim.domain import commands
from sim.domain.errors import ConservationError
from sim.domain.trip import TRANSITIONS
from sim.engine.simulation import Simulation

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"
MINUTE_MS = 60_000
BUSY = {
    "demand": {"peak_requests_per_hour": 240},
    "trips": {"driver_cancel_share": 0.1, "no_show_share": 0.1, "offer_ignored_share": 0.2},
}


class Sink:
    def __init__(self):
        self.events = []

    def emit(self, topic, key, event, event_time_ms):
        self.events.append((topic.entity, key, event, event_time_ms))

    def emit_pings(self, block):
        for event, at_ms in zip(block.events(RUN), block.at_ms.tolist(), strict=True):
            self.events.append(("gps_pings", event.entity_id, event, at_ms))

    def of(self, entity):
        return [(event, at) for name, _, event, at in self.events if name == entity]


def _lived(overrides, minutes, drain=True):
    scenario = scenarios.named("small", overrides)
    sink = Sink()
    simulation = Simulation(scenario, RUN, sink, pings=sink.emit_pings)
    simulation.step(scenario.start_ms + minutes * MINUTE_MS)
    if drain:
        simulation.stop_requests()
        while simulation.trips_in_flight:
            simulation.step(simulation.now_ms + MINUTE_MS)
    return simulation, sink


@pytest.fixture(scope="module")
def busy():
    return _lived(BUSY, 90)


def _by_trip(sink):
    trips = defaultdict(list)
    for event, at_ms in sink.of("trips"):
        trips[event.trip_id].append((event, at_ms))
    return trips


def test_every_request_walks_the_table_to_exactly_one_final_state(busy):
    _, sink = busy
    steps = {(state, following) for (state, _), following in TRANSITIONS.items()}
    final = {TripState.COMPLETED, TripState.CANCELLED}
    trips = _by_trip(sink)
    assert len(trips) > 200
    for changes in trips.values():
        states = [event.state for event, _ in changes]
        assert states[0] is TripState.REQUESTED
        assert changes[0][0].previous_state is None
        for (before, _), (after, _) in pairwise(changes):
            assert after.previous_state is before.state
            assert (before.state, after.state) in steps
            assert after.causation_id == before.event_id
        assert states[-1] in final
        assert final.isdisjoint(states[:-1])


def test_all_ways_to_end_were_seen(busy):
    _, sink = busy
    reasons = {event.cancel_reason for event, _ in sink.of("trips")} - {None}
    assert reasons >= {
        CancelReason.RIDER_PATIENCE,
        CancelReason.RIDER_CHANGED_MIND,
        CancelReason.RIDER_NO_SHOW,
        CancelReason.DRIVER_CANCELLED,
    }
    states = {event.state for event, _ in sink.of("trips")}
    assert states == set(TripState)


def test_a_driver_has_at_most_one_trip_at_a_time(busy):
    _, sink = busy
    holder = {}
    last = {TripState.COMPLETED, TripState.CANCELLED}
    for event, _ in sorted(sink.of("trips"), key=lambda entry: entry[1]):
        if event.state is TripState.MATCHED:
            assert event.driver_id not in holder
            holder[event.driver_id] = event.trip_id
        elif event.state in last and holder.get(event.driver_id) == event.trip_id:
            del holder[event.driver_id]
    assert holder == {}


def test_driver_statuses_chain_and_pings_agree_with_them(busy):
    _, sink = busy
    last = {}
    timeline = sorted(
        [(at, 1, e) for e, at in sink.of("gps_pings") if e.driver_status]
        + [(at, 0, e) for e, at in sink.of("driver_status")],
        key=lambda entry: entry[:2],
    )
    for at_ms, is_ping, event in timeline:
        if is_ping:
            status, since_ms = last[event.entity_id]
            assert event.driver_status is status or at_ms == since_ms
            assert event.driver_status is not DriverStatus.OFFLINE
            assert (event.trip_id is not None) == (
                event.driver_status is not DriverStatus.AVAILABLE
            )
        else:
            before = last.get(event.driver_id, (DriverStatus.OFFLINE, 0))[0]
            assert event.previous_status is before
            last[event.driver_id] = (event.status, at_ms)


def test_times_rise_strictly_per_entity_and_topic(busy):
    _, sink = busy
    newest = {}
    for topic, key, event, at_ms in sink.events:
        assert at_ms > newest.get((topic, key), 0), event
        newest[topic, key] = at_ms


def test_event_ids_are_unique(busy):
    _, sink = busy
    ids = [event.event_id for _, _, event, _ in sink.events]
    assert len(set(ids)) == len(ids)


def test_money_is_conserved_and_paid_once_per_completed_trip(busy):
    _, sink = busy
    fares = {e.trip_id: e.fare_minor for e, _ in sink.of("trips") if e.state is TripState.COMPLETED}
    paid = {}
    for payment, _ in sink.of("payments"):
        assert payment.fare_minor == payment.fee_minor + payment.payout_minor
        assert payment.trip_id not in paid
        paid[payment.trip_id] = payment.fare_minor
    assert paid == fares
    ratings = [rating.trip_id for rating, _ in sink.of("ratings")]
    assert sorted(ratings) == sorted([*fares, *fares])


def test_riders_ping_during_trips_only(busy):
    _, sink = busy
    started, ended = {}, {}
    for event, at_ms in sink.of("trips"):
        if event.state is TripState.STARTED:
            started[event.trip_id] = at_ms
        elif event.state is TripState.COMPLETED:
            ended[event.trip_id] = at_ms
    pings = [(e, at) for e, at in sink.of("gps_pings") if e.driver_status is None]
    assert len(pings) > 1000
    for ping, at_ms in pings:
        assert started[ping.trip_id] <= at_ms <= ended[ping.trip_id]


def test_counts_agree_with_the_agents(busy):
    simulation, _ = busy
    city = simulation.city
    idle = [d for d in city.drivers if d.status is DriverStatus.AVAILABLE and d.zone_id]
    assert sum(city.idle_drivers.values()) == len(idle)
    assert sum(city.open_requests.values()) == 0
    assert city.trips == {}
    assert all(rider.trip_id is None for rider in city.riders)


def test_surge_rises_and_is_reported(busy):
    _, sink = busy
    updates = [event for event, _ in sink.of("surge_updates")]
    assert updates
    last = {}
    for event in updates:
        assert event.previous_multiplier == last.get(event.zone_id, 1.0)
        assert event.multiplier != event.previous_multiplier
        last[event.zone_id] = event.multiplier


def test_a_starved_city_cancels_for_want_of_drivers():
    nobody = {
        "agents": {"drivers": 1, "shift_start_weights": [0] * 20 + [1, 0, 0, 0]},
        "demand": {"peak_requests_per_hour": 60},
    }
    _, sink = _lived(nobody, 30)
    ends = [e for e, _ in sink.of("trips") if e.state is TripState.CANCELLED]
    assert ends
    assert {e.cancel_reason for e in ends} <= {
        CancelReason.NO_DRIVERS,
        CancelReason.RIDER_CHANGED_MIND,
        CancelReason.SURGE_TOO_HIGH,
    }
    by_system = [e for e in ends if e.cancel_reason is CancelReason.NO_DRIVERS]
    assert by_system
    assert {e.cancelled_by for e in by_system} == {CancelledBy.SYSTEM}


def test_the_end_of_a_drains_patience_ends_every_trip_at_once():
    simulation, sink = _lived(BUSY, 40, drain=False)
    before = {s: n for s, n in simulation.trips_by_state().items() if n}
    started = before[TripState.STARTED]
    assert started
    simulation.stop_requests()
    simulation.end_trips_now()
    moment_ms = simulation.now_ms
    simulation.step(moment_ms + 2 * MINUTE_MS)
    assert simulation.trips_in_flight == 0
    ends = [
        (e, at)
        for e, at in sink.of("trips")
        if at >= moment_ms and e.state in (TripState.COMPLETED, TripState.CANCELLED)
    ]
    assert all(at < moment_ms + 1000 for _, at in ends)
    drained = [e for e, _ in ends if e.state is TripState.CANCELLED]
    assert {e.cancel_reason for e in drained} == {CancelReason.DRAIN}
    assert {e.cancelled_by for e in drained} == {CancelledBy.SYSTEM}
    assert len([e for e, _ in ends if e.state is TripState.COMPLETED]) == started


def test_a_puppet_driver_cancels_only_when_told():
    scenario = scenarios.named(
        "small",
        {
            "agents": {"drivers": 1, "shift_start_weights": [0] * 20 + [1, 0, 0, 0]},
            "demand": {"peak_requests_per_hour": 240},
            "trips": {"driver_cancel_share": 1, "no_show_share": 0},
        },
    )
    sink = Sink()
    simulation = Simulation(scenario, RUN, sink)
    simulation.apply(commands.AddDriver(agent_id="puppet", home_zone_id=78, is_puppet=True))
    simulation.apply(commands.GoOnline(agent_id="puppet", lat=-23.5505, lon=-46.6333))
    puppet = simulation.city.drivers[-1]
    while TripState.COMPLETED not in {event.state for event, _ in sink.of("trips")}:
        assert simulation.now_ms < scenario.start_ms + 120 * MINUTE_MS
        simulation.step(simulation.now_ms + 1000)
        if puppet.has_offer and puppet.answer is None:
            simulation.apply(commands.Accept(agent_id="puppet"))
    by = [event.cancelled_by for event, _ in sink.of("trips") if event.driver_id == "puppet"]
    assert CancelledBy.DRIVER not in by


def test_offers_that_nobody_answers_expire_after_fifteen_seconds(busy):
    _, sink = busy
    expired = 0
    for changes in _by_trip(sink).values():
        times = [at_ms for _, at_ms in changes]
        for place, (event, at_ms) in enumerate(changes):
            if event.previous_state is not TripState.OFFER_SENT:
                continue
            # an offer of the same instant as what went before is stamped a millisecond later
            sent_ms = times[place - 1] - (times[place - 1] - times[place - 2] == 1)
            if event.state is TripState.OFFER_EXPIRED:
                assert at_ms - sent_ms == 15_000
                expired += 1
            else:
                assert at_ms - sent_ms < 15_000
    assert expired > 20


def test_profiles_change_and_say_what_holds_from_then_on(busy):
    simulation, sink = busy
    newest, updates = {}, defaultdict(int)
    for kind in ("driver", "rider"):
        for event, _ in sink.of(f"{kind}_profiles"):
            agent_id = getattr(event, f"{kind}_id")
            is_first = agent_id not in newest
            assert event.event_type == f"{kind}_profile_{'created' if is_first else 'updated'}"
            newest[agent_id] = event
            updates[kind] += not is_first
    for driver in simulation.city.drivers:
        told = newest[driver.driver_id]
        assert (told.vehicle_class, told.home_zone_id) == (
            driver.vehicle_class,
            driver.home_zone_id,
        )
    for rider in simulation.city.riders:
        assert newest[rider.rider_id].dna == rider.dna
    assert min(updates["driver"], updates["rider"]) > 10


def test_stepping_finely_changes_nothing():
    coarse, fine = Sink(), Sink()
    for sink, step_ms in ((coarse, 10 * MINUTE_MS), (fine, 733)):
        scenario = scenarios.named("small")
        simulation = Simulation(scenario, RUN, sink, pings=sink.emit_pings)
        while simulation.now_ms < scenario.start_ms + 10 * MINUTE_MS:
            until_ms = min(simulation.now_ms + step_ms, scenario.start_ms + 10 * MINUTE_MS)
            simulation.step(until_ms)
    for topic in {name for name, *_ in coarse.events}:
        assert coarse.of(topic) == fine.of(topic)
    assert len(coarse.events) == len(fine.events)


def test_laws_are_enforced_not_hoped_for():
    simulation, _ = _lived({}, 15, drain=False)
    city = simulation.city
    driver = next(d for d in city.drivers if d.trip_id)
    trip = city.trips[driver.trip_id]
    rider = next(r for r in city.riders if r.rider_id == trip.rider_id)
    with pytest.raises(ConservationError, match="is not free"):
        city.offer_to(driver)
    with pytest.raises(ConservationError, match="cannot take"):
        city.assign(driver, trip)
    with pytest.raises(ConservationError, match="cannot leave"):
        city.go_offline(driver)
    with pytest.raises(ConservationError, match="asks for"):
        city.open_trip(trip, rider)
    other = next(d for d in city.drivers if d.trip_id != trip.trip_id)
    with pytest.raises(ConservationError, match="not"):
        city.release(other, trip)
