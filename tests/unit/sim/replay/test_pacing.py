from sim.replay.pacing import HEARTBEAT_ROWS_UNPACED, LONGEST_GAP_MS, Heartbeats, Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def test_rows_wait_until_event_time_divided_by_speed_has_passed() -> None:
    clock = Clock()
    pace = Pace(60.0, clock.now, clock.sleep)
    for event_time_ms in (0, 60_000, 30_000, 180_000):
        pace.wait_for(event_time_ms)
    assert clock.slept == [1.0, 2.0]


def test_time_lost_in_sending_is_caught_up() -> None:
    clock = Clock()
    pace = Pace(1.0, clock.now, clock.sleep)
    pace.wait_for(0)
    clock.now_s += 5.0
    pace.wait_for(4_000)
    pace.wait_for(6_000)
    assert clock.slept == [1.0]


def test_a_gap_of_years_is_jumped_over() -> None:
    clock = Clock()
    pace = Pace(1.0, clock.now, clock.sleep)
    pace.wait_for(0)
    pace.wait_for(LONGEST_GAP_MS + 1)
    pace.wait_for(LONGEST_GAP_MS + 3_001)
    assert clock.slept == [3.0]


def test_no_speed_never_waits() -> None:
    clock = Clock()
    pace = Pace(None, clock.now, clock.sleep)
    pace.wait_for(0)
    pace.wait_for(10**12)
    assert clock.slept == []


def test_paced_heartbeats_fill_a_gap_every_minute_of_event_time() -> None:
    beats = Heartbeats(1.0)
    assert list(beats.before(0)) == []
    assert list(beats.before(59_999)) == []
    assert list(beats.before(185_000)) == [60_000, 120_000, 180_000]
    assert list(beats.before(239_999)) == []


def test_fast_paced_heartbeats_come_every_half_second_of_wall_time() -> None:
    beats = Heartbeats(3600.0)
    list(beats.before(0))
    assert list(beats.before(LONGEST_GAP_MS)) == [1_800_000, 3_600_000]


def test_a_jumped_gap_has_one_heartbeat() -> None:
    beats = Heartbeats(1.0)
    list(beats.before(0))
    assert list(beats.before(10 * LONGEST_GAP_MS)) == [10 * LONGEST_GAP_MS]


def test_unpaced_heartbeats_need_rows_and_a_minute() -> None:
    beats = Heartbeats(None)
    sparse = [beat for n in range(200) for beat in beats.before(n * 600_000)]
    assert sparse == [n * 600_000 for n in (63, 127, 191)]
    assert HEARTBEAT_ROWS_UNPACED == 64
    dense = Heartbeats(None)
    assert [beat for n in range(601) for beat in dense.before(n * 100)] == [60_000]
