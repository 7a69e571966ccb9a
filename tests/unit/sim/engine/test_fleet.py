import numpy as np
import pytest

from contracts.events import DriverStatus
from sim.domain.geometry import distance_m, offset
from sim.engine.fleet import Fleet
from sim.engine.stamping import Stamper
from sim.policies.routing import GridRouting, StraightRouting

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"
SE = (-23.5505, -46.6333)
FAR = offset(*SE, 3000, 4000)
START = 1_000_000


class Heard:
    def __init__(self, drivers=3, riders=2, noise_m=0.0):
        self.pings = []
        names = [f"d{n}" for n in range(drivers)] + [f"r{n}" for n in range(riders)]
        self.fleet = Fleet(
            names,
            drivers,
            [noise_m] * len(names),
            (*Stamper(RUN).words("ping"), 3, 4),
            self.take,
        )

    def take(self, block):
        self.pings += zip(
            (label.entity_id for label in block.labels),
            block.events(RUN),
            block.at_ms.tolist(),
            strict=True,
        )

    def tick_until(self, until_ms, from_ms=START, tick_ms=500):
        for now_ms in range(from_ms + tick_ms, until_ms + 1, tick_ms):
            self.fleet.tick(now_ms)


def test_nobody_pings_unasked():
    heard = Heard()
    heard.tick_until(START + 100_000)
    assert heard.pings == []


def test_pings_come_at_their_interval_whatever_the_tick():
    coarse, fine = Heard(), Heard()
    for heard, tick_ms in ((coarse, 1000), (fine, 50)):
        heard.fleet.park(0, *SE, START)
        heard.fleet.set_interval(0, 4000, 1234, START)
        heard.tick_until(START + 60_000, tick_ms=tick_ms)
    times = [at for _, _, at in fine.pings]
    assert times == list(range(START + 1235, START + 60_000, 4000))
    assert coarse.pings == fine.pings
    assert [ping.seq for _, ping, _ in fine.pings] == list(range(1, len(times) + 1))


def test_two_pings_are_never_closer_than_the_interval():
    heard = Heard()
    heard.fleet.park(0, *SE, START)
    rng = np.random.default_rng(4)
    now_ms = START
    for _ in range(200):
        heard.fleet.set_interval(
            0, int(rng.choice([4000, 30_000])), int(rng.integers(4000)), now_ms
        )
        step = int(rng.integers(1, 40)) * 500
        heard.tick_until(now_ms + step, from_ms=now_ms)
        now_ms += step
    times = [at for _, _, at in heard.pings]
    assert len(times) > 100
    assert min(np.diff(times)) >= 4000


def test_active_pings_begin_at_once_after_a_long_idle_time():
    heard = Heard()
    heard.fleet.park(0, *SE, START)
    heard.fleet.set_interval(0, 30_000, 0, START)
    heard.tick_until(START + 20_000)
    heard.fleet.set_interval(0, 4000, 0, START + 20_000)
    heard.tick_until(START + 25_000, from_ms=START + 20_000)
    assert [at - START for _, _, at in heard.pings] == [1, 20_001, 24_001]


@pytest.mark.parametrize("routing", [GridRouting(), StraightRouting(1.0)])
def test_single_and_vectorised_positions_are_the_same_bits(routing):
    heard = Heard()
    route = routing.route(SE, FAR, 37.0)
    for entity in range(5):
        heard.fleet.drive(entity, route, START + 997 * entity)
    for now_ms in range(START - 1000, START + route.duration_ms + 6000, 7919):
        lats, lons = heard.fleet.positions(range(5), now_ms)
        single = [heard.fleet.position(entity, now_ms) for entity in range(5)]
        assert single == list(zip(lats.tolist(), lons.tolist(), strict=True))


def test_a_drive_starts_and_ends_where_it_should_and_moves_steadily():
    heard = Heard()
    route = StraightRouting(1.0).route(SE, FAR, 36.0)
    heard.fleet.drive(0, route, START)
    assert heard.fleet.position(0, START) == SE
    half = heard.fleet.position(0, START + route.duration_ms // 2)
    assert distance_m(*SE, *half) == pytest.approx(2500, abs=1)
    assert heard.fleet.arrives_ms(0) == START + route.duration_ms
    assert heard.fleet.position(0, START + route.duration_ms + 99_999) == FAR


def test_halt_stops_on_the_way():
    heard = Heard()
    route = StraightRouting(1.0).route(SE, FAR, 36.0)
    heard.fleet.drive(0, route, START)
    here = heard.fleet.position(0, START + 100_000)
    heard.fleet.halt(0, START + 100_000)
    assert heard.fleet.position(0, START + 900_000) == here


def test_a_change_first_sends_the_ping_that_is_due_with_the_old_state():
    heard = Heard()
    heard.fleet.relabel(0, DriverStatus.AVAILABLE, None, None)
    heard.fleet.park(0, *SE, START)
    heard.fleet.set_interval(0, 4000, 0, START)
    heard.fleet.park(0, *FAR, START + 300)
    heard.fleet.relabel(0, DriverStatus.EN_ROUTE, None, None)
    heard.fleet.tick(START + 300)
    ((_, ping, at_ms),) = heard.pings
    assert at_ms == START + 1
    assert (ping.lat, ping.lon) == SE
    assert ping.driver_status is DriverStatus.AVAILABLE


def test_pings_tell_speed_and_direction():
    heard = Heard()
    heard.fleet.drive(0, StraightRouting(1.0).route(SE, offset(*SE, 0, 5000), 36.0), START)
    heard.fleet.set_interval(0, 4000, 0, START)
    heard.tick_until(START + 10_000)
    for _, ping, _ in heard.pings:
        assert ping.speed_kmh == pytest.approx(36.0, abs=0.1)
        assert ping.heading_deg == 90.0


def test_noise_is_as_large_as_it_says():
    heard = Heard(noise_m=5.0)
    heard.fleet.park(0, *SE, START)
    heard.fleet.set_interval(0, 1000, 0, START)
    heard.tick_until(START + 2_000_000)
    away = [distance_m(*SE, ping.lat, ping.lon) for _, ping, _ in heard.pings]
    assert np.sqrt(np.mean(np.square(away))) == pytest.approx(5.0 * np.sqrt(2), rel=0.1)
    assert {ping.accuracy_m for _, ping, _ in heard.pings} == {10.0}
