"""The board keeps the newest, whatever the order and number of arrivals."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from api.live.board import Board
from tests.integration.api.city import metrics, position


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(chance: random.Random) -> None:
    steps = [position("a", n / 100, 0, event_time_ms=1000 + n, seq=n) for n in range(10)]
    shuffled = [*steps, *chance.sample(steps, 5)]
    chance.shuffle(shuffled)
    board = Board()
    for step in shuffled:
        board.place([step])
    assert board.positions["a"].position == steps[-1]


def test_only_news_is_passed_on() -> None:
    board = Board()
    first, second = position("a", 1, 1, seq=1), position("a", 2, 2, seq=2)
    assert [p.position for p in board.place([first, second])] == [first, second]
    assert board.place([second, first]) == []


def test_another_run_begins_anew_although_its_clock_is_behind() -> None:
    board = Board()
    board.place([position("a", 1, 1, event_time_ms=9000, run_id="old")])
    restarted = position("a", 2, 2, event_time_ms=1000, run_id="new")
    assert board.place([restarted])
    assert board.positions["a"].position == restarted
    board.measure([metrics(1, window_end_ms=9000, run_id="old")])
    assert board.measure([metrics(1, window_end_ms=1000, run_id="new")])


def test_an_older_window_never_replaces_a_newer_one() -> None:
    board = Board()
    board.measure([metrics(1, window_end_ms=20_000, multiplier=2.0)])
    assert board.measure([metrics(1, window_end_ms=10_000, multiplier=1.0)]) == []
    assert board.zones[1].metrics.multiplier == 2.0


def test_memory_is_bounded() -> None:
    board = Board(max_entities=3)
    board.place([position(f"d{n}", 0, 0) for n in range(5)])
    assert len(board.positions) == 3
    assert board.refused == 2
    assert board.place([position("d0", 1, 1, seq=9)])


def test_what_redis_no_longer_has_is_forgotten() -> None:
    board = Board()
    board.place([position("a", 0, 0), position("b", 0, 0)])
    assert board.keep_only({"b", "c"}) == ["a"]
    assert set(board.positions) == {"b"}
