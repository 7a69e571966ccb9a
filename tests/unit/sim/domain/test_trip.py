import itertools
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.events import Place, TripState
from sim.domain import diagram
from sim.domain.trip import (
    FINAL_STATES,
    TRANSITIONS,
    IllegalTransition,
    Trip,
    TripSignal,
    allowed_signals,
    next_state,
)

HAPPY_PATH = (
    (TripSignal.OFFER_MADE, TripState.OFFER_SENT),
    (TripSignal.DRIVER_ACCEPTED, TripState.MATCHED),
    (TripSignal.DRIVER_DEPARTED, TripState.DRIVER_EN_ROUTE),
    (TripSignal.DRIVER_REACHED_PICKUP, TripState.DRIVER_ARRIVED),
    (TripSignal.RIDER_BOARDED, TripState.STARTED),
    (TripSignal.RIDER_DROPPED_OFF, TripState.COMPLETED),
)
BEFORE_STARTED = (
    TripState.REQUESTED,
    TripState.OFFER_SENT,
    TripState.OFFER_EXPIRED,
    TripState.OFFER_REJECTED,
    TripState.MATCHED,
    TripState.DRIVER_EN_ROUTE,
    TripState.DRIVER_ARRIVED,
)


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(TripState, TripSignal)))
def test_every_pair_moves_by_the_table_or_is_illegal(state, signal):
    if (state, signal) in TRANSITIONS:
        assert next_state(state, signal) is TRANSITIONS[state, signal]
        assert signal in allowed_signals(state)
        return
    with pytest.raises(IllegalTransition) as caught:
        next_state(state, signal)
    assert (caught.value.state, caught.value.signal) == (state, signal)
    assert signal not in allowed_signals(state)
    for allowed in allowed_signals(state):
        assert allowed in str(caught.value)


def test_happy_path():
    state = TripState.REQUESTED
    for signal, expected in HAPPY_PATH:
        state = next_state(state, signal)
        assert state is expected


def test_a_trip_is_called_off_before_it_starts_and_never_after():
    assert {s for s, signal in TRANSITIONS if signal is TripSignal.CALLED_OFF} == set(
        BEFORE_STARTED
    )


def test_final_states_know_no_signal_and_say_so():
    for state in FINAL_STATES:
        assert allowed_signals(state) == ()
        with pytest.raises(IllegalTransition, match="none, it is final"):
            next_state(state, TripSignal.OFFER_MADE)


def test_a_trip_knows_whether_it_is_over():
    place = Place(lat=-23.55, lon=-46.63, zone_id=1, h3="88a8100c01fffff")
    trip = Trip("t", "r", place, place, 1.0)
    assert not trip.is_final
    assert replace(trip, state=TripState.CANCELLED).is_final


def test_a_refused_offer_leads_to_the_next_offer_or_to_the_end():
    for state in (TripState.OFFER_EXPIRED, TripState.OFFER_REJECTED):
        assert set(allowed_signals(state)) == {TripSignal.OFFER_MADE, TripSignal.CALLED_OFF}


def test_diagram_has_one_line_per_transition_and_names_both_ends():
    lines = diagram.render().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> REQUESTED"]
    assert "    OFFER_SENT --> MATCHED: driver_accepted" in lines
    assert "    COMPLETED --> [*]" in lines
    assert len(lines) == 2 + len(TRANSITIONS) + len(FINAL_STATES)


def test_the_documented_diagram_is_the_one_of_the_table():
    document = Path(__file__).parents[4] / "docs" / "trip-states.md"
    assert f"```mermaid\n{diagram.render()}```" in document.read_text(encoding="utf-8")
