"""Random walks over the trip table, and money that never leaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.events import TripState
from sim.domain.tariff import Tariff, fare_minor, settle
from sim.domain.trip import FINAL_STATES, IllegalTransition, TripSignal, allowed_signals, next_state

ORDER = {
    TripState.REQUESTED: 0,
    TripState.OFFER_SENT: 1,
    TripState.OFFER_EXPIRED: 1,
    TripState.OFFER_REJECTED: 1,
    TripState.MATCHED: 2,
    TripState.DRIVER_EN_ROUTE: 3,
    TripState.DRIVER_ARRIVED: 4,
    TripState.STARTED: 5,
    TripState.COMPLETED: 6,
    TripState.CANCELLED: 6,
}

tariffs = st.builds(
    Tariff,
    base_minor=st.integers(0, 10_000),
    per_km_minor=st.integers(0, 10_000),
    per_minute_minor=st.integers(0, 10_000),
    minimum_minor=st.integers(0, 10_000),
    platform_fee_per_mille=st.integers(0, 1000),
)
distances_mm = st.integers(0, 200_000_000)
durations_ms = st.integers(0, 24 * 3_600_000)
surges = st.integers(10, 30)


class TripWalk(RuleBasedStateMachine):
    """Any signals in any order: legal ones only go forward, illegal ones change nothing."""

    def __init__(self):
        super().__init__()
        self.state = TripState.REQUESTED
        self.seen = [self.state]

    @rule(signal=st.sampled_from(TripSignal))
    def send(self, signal):
        if signal not in allowed_signals(self.state):
            with pytest.raises(IllegalTransition) as caught:
                next_state(self.state, signal)
            assert caught.value.state is self.state
            return
        following = next_state(self.state, signal)
        assert ORDER[following] >= ORDER[self.state]
        self.state = following
        self.seen.append(following)

    @precondition(lambda self: self.state not in FINAL_STATES)
    @rule(data=st.data())
    def send_a_legal_one(self, data):
        signal = data.draw(st.sampled_from(allowed_signals(self.state)))
        self.state = next_state(self.state, signal)
        self.seen.append(self.state)

    @invariant()
    def started_trips_are_never_cancelled(self):
        if TripState.STARTED in self.seen:
            assert TripState.CANCELLED not in self.seen

    @invariant()
    def nothing_follows_the_end(self):
        assert FINAL_STATES.isdisjoint(self.seen[:-1])


TestTripWalk = TripWalk.TestCase


@given(tariffs, distances_mm, durations_ms, surges)
def test_no_centavo_appears_or_is_lost(tariff, distance_mm, duration_ms, surge_tenths):
    fare = fare_minor(tariff, distance_mm, duration_ms, surge_tenths)
    settlement = settle(tariff, fare)
    assert settlement.fee_minor + settlement.payout_minor == settlement.fare_minor == fare
    assert 0 <= settlement.fee_minor <= fare
    assert fare >= tariff.minimum_minor


@given(tariffs, distances_mm, durations_ms, surges, distances_mm, durations_ms, st.integers(0, 20))
def test_more_never_costs_less(tariff, distance_mm, duration_ms, surge, more_mm, more_ms, steps):
    fare = fare_minor(tariff, distance_mm, duration_ms, surge)
    assert fare_minor(tariff, distance_mm + more_mm, duration_ms + more_ms, surge + steps) >= fare
