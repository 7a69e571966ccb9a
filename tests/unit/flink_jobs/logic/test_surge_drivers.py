"""Where a driver is idle."""

from collections import Counter
from itertools import permutations

import pytest

from flink_jobs.logic.surge_deltas import ZoneDelta
from flink_jobs.logic.surge_drivers import (
    REMEMBERED,
    RETENTION_MS,
    Driver,
    StatusFact,
    on_driver_timer,
    on_status,
)

DAY_MS = 1_800_000_000_000
NOTHING_SETTLED = -(2**63)


def fact(
    at_ms: int,
    zone_id: int | None,
    late_ms: int = 0,
    event_id: str = "",
    settled_ms: int = NOTHING_SETTLED,
) -> StatusFact:
    effective_ms = DAY_MS + at_ms + late_ms
    event_id = event_id or f"e{at_ms}"
    return StatusFact("d", event_id, zone_id, DAY_MS + at_ms, effective_ms, settled_ms, "run-1")


def feed(
    *facts: StatusFact,
) -> tuple[Driver | None, list[ZoneDelta]]:
    state, emitted = None, list[ZoneDelta]()
    for each in facts:
        step = on_status(state, each)
        state = step.state
        emitted += step.emit
    return state, emitted


def presence(deltas: list[ZoneDelta]) -> dict[tuple[int, int], int]:
    total: Counter[tuple[int, int]] = Counter()
    for delta in deltas:
        total[(delta.at_ms - DAY_MS, delta.zone_id)] += delta.idle_change
    return {key: change for key, change in total.items() if change}


def test_a_driver_is_idle_where_the_newest_status_says_so() -> None:
    _, emitted = feed(fact(0, 1), fact(5, 2), fact(9, None))
    assert presence(emitted) == {(0, 1): 1, (5, 1): -1, (5, 2): 1, (9, 2): -1}


def test_staying_in_the_zone_changes_nothing() -> None:
    _, emitted = feed(fact(0, 1), fact(5, 1))
    assert presence(emitted) == {(0, 1): 1}


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_order_and_repeats_change_nothing(order: tuple[int, ...]) -> None:
    facts = [fact(0, 1), fact(3, None), fact(5, 2), fact(9, 1), fact(3, None)]
    _, emitted = feed(*(facts[i] for i in order))
    assert presence(emitted) == {(0, 1): 1, (3, 1): -1, (5, 2): 1, (9, 2): -1, (9, 1): 1}


def test_of_two_statuses_at_one_time_the_higher_event_id_counts() -> None:
    for one, other in permutations([fact(0, 1, event_id="a"), fact(0, 2, event_id="b")]):
        _, emitted = feed(one, other)
        assert presence(emitted) == {(0, 2): 1}


def test_a_late_status_counts_from_the_instant_that_is_still_open() -> None:
    _, emitted = feed(fact(0, 1), fact(5, 2, late_ms=50))
    assert presence(emitted) == {(0, 1): 1, (55, 1): -1, (55, 2): 1}
    late = {delta.zone_id: delta.late_records for delta in emitted if delta.at_ms == DAY_MS + 55}
    assert late == {1: 1, 2: 1}


def test_a_late_status_behind_a_newer_one_changes_nothing_and_is_counted() -> None:
    _, emitted = feed(fact(0, 1), fact(20, None), fact(5, 2, late_ms=50))
    assert presence(emitted) == {(0, 1): 1, (20, 1): -1}
    assert sum(delta.late_records for delta in emitted) == 2


def test_a_late_status_is_in_effect_until_a_newer_one_of_the_future() -> None:
    _, emitted = feed(fact(0, 1), fact(60, None), fact(5, 2, late_ms=50))
    assert presence(emitted) == {(0, 1): 1, (55, 1): -1, (55, 2): 1, (60, 2): -1}


def test_a_late_copy_is_no_late_record() -> None:
    _, emitted = feed(fact(0, 1), fact(5, 2), fact(0, 1, late_ms=50))
    assert sum(delta.late_records for delta in emitted) == 0


def test_a_late_status_without_effect_on_any_zone_is_not_counted() -> None:
    _, emitted = feed(fact(0, None), fact(5, None, late_ms=50))
    assert emitted == []


def test_superseded_statuses_are_let_go_and_the_sums_stay_right() -> None:
    facts = [fact(i, i % 3, settled_ms=DAY_MS + 100) for i in range(20)]
    state, emitted = feed(*facts[:-1])
    assert state is not None
    assert len(state.statuses) == REMEMBERED + 1
    emitted += on_status(state, facts[-1]).emit
    total: Counter[int] = Counter()
    for (_, zone_id), change in presence(emitted).items():
        total[zone_id] += change
    assert +total == Counter({19 % 3: 1})


def test_statuses_to_come_are_never_let_go() -> None:
    state, _ = feed(*(fact(i, 1, settled_ms=DAY_MS + 2) for i in range(20)))
    assert state is not None
    assert len(state.statuses) == 20


def test_a_driver_without_news_is_forgotten() -> None:
    state, _ = feed(fact(0, 1))
    due_ms = DAY_MS + RETENTION_MS
    step = on_driver_timer(state, due_ms, due_ms)
    assert step.state is None
    assert step.emit == (ZoneDelta(1, due_ms, "run-1", idle_change=-1),)


def test_a_driver_with_news_gets_another_timer() -> None:
    state, _ = feed(fact(0, 1), fact(1_000, 2))
    first_ms = DAY_MS + RETENTION_MS
    step = on_driver_timer(state, first_ms, first_ms)
    assert (step.emit, step.timer_ms) == ((), first_ms + 1_000)
    assert step.state is not None
    again = on_driver_timer(step.state, first_ms + 1_000, first_ms + 5_000)
    assert again.emit[0].at_ms == first_ms + 1_000


def test_a_long_leap_of_the_watermark_forgets_at_the_right_instant() -> None:
    state, _ = feed(fact(0, 1), fact(1_000, 2))
    step = on_driver_timer(state, DAY_MS + RETENTION_MS, DAY_MS + 3 * RETENTION_MS)
    assert [delta.at_ms for delta in step.emit] == [DAY_MS + RETENTION_MS + 1_000]


def test_a_driver_off_duty_is_forgotten_in_silence() -> None:
    state, _ = feed(fact(0, None))
    step = on_driver_timer(state, DAY_MS + RETENTION_MS, DAY_MS + RETENTION_MS)
    assert (step.state, step.emit) == (None, ())


def test_timers_of_nothing_and_of_another_time_do_nothing() -> None:
    state, _ = feed(fact(0, 1))
    assert on_driver_timer(None, DAY_MS, DAY_MS).state is None
    assert on_driver_timer(state, DAY_MS, DAY_MS).state == state
