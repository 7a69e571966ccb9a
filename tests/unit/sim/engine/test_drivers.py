import msgspec
import numpy as np
import pytest

from sim.domain.dna import draw_driver
from sim.engine.agents import Driver
from sim.engine.drivers import Shift

HOUR_MS = 3_600_000
MIDNIGHT_LOCAL_MS = 1_772_409_600_000 + 3 * HOUR_MS


def _shift(start_hour, hours, offset_ms=0):
    dna = draw_driver(np.random.default_rng(1), (1.0,) * 24)
    dna = msgspec.structs.replace(dna, shift_start_hour=start_hour, shift_hours=hours)
    return Shift(Driver(0, "driver-1", "Ana", "economy", 1, dna), offset_ms, -3)


@pytest.mark.parametrize(
    ("start_hour", "hours", "now_h", "expected"),
    [
        (6, 8.0, 7, (6, 14)),
        (6, 8.0, 5, (6, 14)),
        (6, 8.0, 15, (30, 38)),
        (22, 8.0, 3, (-2, 6)),
        (22, 8.0, 6, (22, 30)),
    ],
)
def test_next_shift_is_the_one_that_is_on_or_comes(start_hour, hours, now_h, expected):
    start_ms, end_ms = _shift(start_hour, hours).next(MIDNIGHT_LOCAL_MS + now_h * HOUR_MS)
    assert ((start_ms - MIDNIGHT_LOCAL_MS) / HOUR_MS, (end_ms - MIDNIGHT_LOCAL_MS) / HOUR_MS) == (
        expected
    )


def test_offset_moves_the_whole_shift():
    plain = _shift(6, 8.0).next(MIDNIGHT_LOCAL_MS)
    late = _shift(6, 8.0, 60_000).next(MIDNIGHT_LOCAL_MS)
    assert [b - a for a, b in zip(plain, late, strict=True)] == [60_000, 60_000]
