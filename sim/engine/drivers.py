"""One process per driver: shifts, waiting, repositioning. Trips are led by `rides`."""

from collections.abc import Generator
from typing import Any, Final

import numpy as np
import simpy

from contracts.events import DriverStatus
from sim.engine.agents import Driver
from sim.engine.city import City
from sim.engine.places import random_place
from sim.policies.repositioning import Outlook

Process = Generator[simpy.Event, Any, None]
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
PROFILES_WITHIN_MS: Final = 5000
_ARRIVE_WITHIN_MS: Final = 20_000


class Shift:
    """The working hours of one driver, every day."""

    def __init__(self, driver: Driver, start_offset_ms: int, utc_offset_hours: int) -> None:
        self._start_ms = driver.dna.shift_start_hour * _HOUR_MS + start_offset_ms
        self._length_ms = round(driver.dna.shift_hours * _HOUR_MS)
        self._utc_offset_ms = utc_offset_hours * _HOUR_MS

    def next(self, now_ms: int) -> tuple[int, int]:
        """Return start and end (epoch ms) of the shift that is on now or comes next."""
        local_ms = now_ms + self._utc_offset_ms
        start_ms = local_ms // _DAY_MS * _DAY_MS + self._start_ms - _DAY_MS
        while start_ms + self._length_ms <= local_ms:
            start_ms += _DAY_MS
        start_ms -= self._utc_offset_ms
        return start_ms, start_ms + self._length_ms


def work(
    city: City,
    driver: Driver,
    rng: np.random.Generator,
    begins_within_ms: int = PROFILES_WITHIN_MS,
) -> Process:
    """Go through shift after shift, until an interrupt ends it for good.

    Who is on shift when the run begins comes online within 20 s after `begins_within_ms`.
    """
    try:
        yield from _shifts(city, driver, rng, begins_within_ms)
    except simpy.Interrupt:
        if driver.status is not DriverStatus.OFFLINE:
            yield from _leave(city, driver)


def _shifts(city: City, driver: Driver, rng: np.random.Generator, begins_within_ms: int) -> Process:
    start_offset_ms = int(rng.integers(_HOUR_MS)) if begins_within_ms else 0
    shift = Shift(driver, start_offset_ms, city.scenario.utc_offset_hours)
    settling_ms = begins_within_ms + int(rng.integers(_ARRIVE_WITHIN_MS))
    while True:
        start_ms, end_ms = shift.next(city.now_ms)
        until_start_ms = max(start_ms - city.now_ms, settling_ms)
        settling_ms = 1
        yield city.env.timeout(until_start_ms)
        back_ms = city.decisions.shocks.away_until_ms(driver.loyalty, city.now_ms)
        if back_ms is not None:
            yield city.env.timeout(back_ms - city.now_ms)
            continue
        city.go_online(driver, random_place(driver.home_zone_id, rng))
        yield from _wait_for_work(city, driver, end_ms, rng)
        yield from _leave(city, driver)


def _leave(city: City, driver: Driver) -> Process:
    """Finish what is under way, then go offline."""
    city.stop_offers(driver)
    while driver.trip_id is not None or driver.has_offer:
        driver.freed = city.env.event()
        yield driver.freed
    driver.freed = None
    city.go_offline(driver)


def _wait_for_work(city: City, driver: Driver, end_ms: int, rng: np.random.Generator) -> Process:
    after_ms = city.scenario.movement.reposition_after_s * 1000
    while city.now_ms < end_ms:
        pause_ms = round(after_ms * rng.uniform(0.5, 1.5))
        yield city.env.timeout(max(1, min(pause_ms, end_ms - city.now_ms)))
        if city.decisions.shocks.away_until_ms(driver.loyalty, city.now_ms) is not None:
            return
        if driver.is_free and driver.number not in city.roaming and city.now_ms < end_ms:
            _reposition(city, driver, rng)


def _reposition(city: City, driver: Driver, rng: np.random.Generator) -> None:
    outlook = Outlook(driver.zone_id, driver.home_zone_id, city.now_ms, city.multipliers)
    zone_id = city.decisions.repositioning.target_zone(driver.dna, outlook, rng)
    if zone_id is None:
        return
    target = random_place(zone_id, rng)
    here = city.fleet.position(driver.number, city.now_ms)
    city.roam(
        driver,
        city.decisions.routing.route(here, (target.lat, target.lon), city.speed_kmh(driver)),
    )
