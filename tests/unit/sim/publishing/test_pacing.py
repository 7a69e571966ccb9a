import pytest

from sim.publishing.pacing import SLICE_S, Pacer


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_follows_the_wall_at_its_ratio_in_small_slices():
    clock = Clock()
    pacer = Pacer(20.0, 1000, clock)
    assert pacer.target_ms(1000, 500) == 1000
    clock.now_s += SLICE_S
    assert pacer.target_ms(1000, 500) == 2000
    clock.now_s += 1.0
    assert pacer.target_ms(2000, 500) == 4000  # 100 ms of wall time at most
    assert pacer.rest_s() == SLICE_S


def test_without_a_ratio_it_never_waits():
    pacer = Pacer(0.0, 1000, Clock())
    assert pacer.target_ms(1000, 500) == 1500
    assert pacer.rest_s() == 0.0


def test_lag_is_seen_and_a_long_one_is_not_caught_up():
    clock = Clock()
    pacer = Pacer(20.0, 0, clock)
    clock.now_s += 3.0
    pacer.target_ms(0, 500)
    assert pacer.lag_s == pytest.approx(3.0)
    clock.now_s += 60.0
    assert pacer.target_ms(0, 500) == 0
    clock.now_s += 0.05
    assert pacer.target_ms(0, 500) == 1000
    assert pacer.lag_s == pytest.approx(0.05)


def test_speed_changes_from_here():
    clock = Clock()
    pacer = Pacer(20.0, 0, clock)
    clock.now_s += 0.05
    pacer.set_speed(1.0, 1000)
    clock.now_s += 0.05
    assert pacer.target_ms(1000, 500) == 1050
