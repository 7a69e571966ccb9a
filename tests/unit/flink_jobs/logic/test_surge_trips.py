"""When a trip is open."""

from collections import Counter
from itertools import permutations

import pytest

from flink_jobs.logic.surge_deltas import ZoneDelta
from flink_jobs.logic.surge_trips import RETENTION_MS, OpenTrip, TripFact, on_trip, on_trip_timer

ZONE = 7
DAY_MS = 1_800_000_000_000


def fact(at_ms: int, *, waiting: bool, late_ms: int = 0, zone_id: int | None = ZONE) -> TripFact:
    return TripFact("t", waiting, zone_id, DAY_MS + at_ms, DAY_MS + at_ms + late_ms, "run-1")


def feed(*facts: TripFact) -> tuple[OpenTrip | None, list[ZoneDelta]]:
    state, emitted = None, list[ZoneDelta]()
    for each in facts:
        step = on_trip(state, each)
        state = step.state
        emitted += step.emit
    return state, emitted


def presence(deltas: list[ZoneDelta]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for delta in deltas:
        total[delta.at_ms - DAY_MS] += delta.open_change
    return {at: change for at, change in total.items() if change}


def test_a_trip_is_open_from_its_request_until_it_is_matched() -> None:
    _, emitted = feed(fact(0, waiting=True), fact(5, waiting=True), fact(9, waiting=False))
    assert presence(emitted) == {0: 1, 9: -1}


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_order_and_repeats_change_nothing(order: tuple[int, ...]) -> None:
    facts = [
        fact(0, waiting=True),
        fact(3, waiting=True),
        fact(9, waiting=False),
        fact(12, waiting=False),
        fact(0, waiting=True),
    ]
    _, emitted = feed(*(facts[i] for i in order))
    assert presence(emitted) == {0: 1, 9: -1}


def test_without_a_request_no_count_turns_negative() -> None:
    _, emitted = feed(fact(9, waiting=False), fact(12, waiting=False))
    assert emitted == []


def test_a_late_request_counts_from_the_instant_that_is_still_open() -> None:
    _, emitted = feed(fact(0, waiting=True, late_ms=50))
    assert emitted == [ZoneDelta(ZONE, DAY_MS + 50, "run-1", open_change=1, late_records=1)]


def test_a_late_request_of_a_matched_trip_is_counted_as_late_and_opens_nothing() -> None:
    _, emitted = feed(fact(9, waiting=False), fact(0, waiting=True, late_ms=50))
    assert emitted == [ZoneDelta(ZONE, DAY_MS + 50, "run-1", late_records=1)]


def test_a_late_match_closes_late_and_is_counted() -> None:
    _, emitted = feed(fact(0, waiting=True), fact(9, waiting=False, late_ms=50))
    assert presence(emitted) == {0: 1, 59: -1}
    assert emitted[-1].late_records == 1


def test_a_late_copy_of_what_is_known_is_no_late_record() -> None:
    _, emitted = feed(fact(0, waiting=True), fact(0, waiting=True, late_ms=50))
    assert sum(delta.late_records for delta in emitted) == 0


def test_a_late_offer_after_the_request_changes_nothing() -> None:
    _, emitted = feed(fact(0, waiting=True), fact(9, waiting=True, late_ms=50))
    assert len(emitted) == 1


def test_outside_all_zones_nothing_is_counted() -> None:
    state, emitted = feed(fact(0, waiting=True, zone_id=None), fact(5, waiting=False, zone_id=None))
    assert emitted == []
    assert state is not None


def test_the_first_event_sets_the_timer_and_only_that_one() -> None:
    first = on_trip(None, fact(0, waiting=True))
    assert first.timer_ms == DAY_MS + RETENTION_MS
    assert on_trip(first.state, fact(9, waiting=False)).timer_ms is None


def test_an_open_trip_is_closed_when_it_is_forgotten() -> None:
    state, _ = feed(fact(0, waiting=True))
    step = on_trip_timer(state, DAY_MS + RETENTION_MS)
    assert step.state is None
    assert presence(list(step.emit)) == {RETENTION_MS: -1}


def test_a_closed_trip_is_forgotten_in_silence() -> None:
    state, _ = feed(fact(0, waiting=True), fact(9, waiting=False))
    step = on_trip_timer(state, DAY_MS + RETENTION_MS)
    assert (step.state, step.emit) == (None, ())


def test_timers_of_nothing_and_of_another_time_do_nothing() -> None:
    state, _ = feed(fact(0, waiting=True))
    assert on_trip_timer(None, DAY_MS).state is None
    assert on_trip_timer(state, DAY_MS).state == state


def test_each_answer_to_an_offer_counts_once_with_the_promised_time() -> None:
    def answered(offer: int, is_waiting: bool, eta_ms: int | None) -> TripFact:
        return TripFact("trip", is_waiting, ZONE, DAY_MS, DAY_MS, "run-1", offer, eta_ms)

    state: OpenTrip | None = None
    found: list[ZoneDelta] = []
    for fact in (
        answered(1, True, 90_000),  # rejected or expired: its promise does not matter
        answered(1, True, 90_000),
        answered(2, False, 120_000),
        answered(2, False, 120_000),
        answered(3, False, None),
    ):
        step = on_trip(state, fact)
        state = step.state
        found += [delta for delta in step.emit if delta.offers_answered]
    sums = [(d.offers_answered, d.offers_accepted, d.eta_ms, d.eta_count) for d in found]
    assert sums == [(1, 0, 0, 0), (1, 1, 120_000, 1), (1, 1, 0, 0)]
    nowhere = on_trip(None, TripFact("t", False, None, DAY_MS, DAY_MS, "run-1", 1, 5))
    assert nowhere.emit == ()
