import numpy as np
import pytest

from contracts.events import DriverStatus, EntityType
from sim.engine.pings import Label, PingBlock, counters, deviations, identities, mixed, shares
from sim.engine.stamping import Stamper

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"


def _counters(entities, each):
    of, numbers = np.meshgrid(np.arange(entities), np.arange(1, each + 1), indexing="ij")
    return counters(of.ravel(), numbers.ravel())


def test_scrambling_is_splitmix64():
    # first outputs of the reference generator with seed 0, whose state adds the golden ratio
    golden = 0x9E3779B97F4A7C15
    states = np.array([golden * n % 2**64 for n in (1, 2)], dtype=np.uint64)
    assert mixed(states).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_shares_are_even_and_differ_by_key():
    words = _counters(200, 200)
    one, other = shares(words, 1), shares(words, 2)
    for drawn in (one, other):
        assert drawn.min() >= 0.0
        assert drawn.max() < 1.0
        counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
        assert counts.min() > 2000 - 5 * np.sqrt(2000)
        assert counts.max() < 2000 + 5 * np.sqrt(2000)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.03


def test_deviations_are_a_bell():
    drawn = deviations(_counters(200, 200), 7)
    assert drawn.mean() == pytest.approx(0, abs=0.03)
    assert drawn.std() == pytest.approx(1, abs=0.02)
    assert np.abs(drawn).max() < 3.47
    assert np.mean(np.abs(drawn) < 1) == pytest.approx(0.67, abs=0.02)


def test_ids_are_uuids_of_version_8_that_no_other_ping_has():
    words = _counters(300, 300)
    ids = set(zip(*(half.tolist() for half in identities(words, (5, 6))), strict=True))
    assert len(ids) == len(words)
    assert {upper >> 12 & 0xF for upper, _ in ids} == {8}
    assert {lower >> 62 for _, lower in ids} == {0b10}
    other = identities(words, Stamper(RUN).words("ping"))
    assert ids.isdisjoint(zip(*(half.tolist() for half in other), strict=True))


def test_a_block_gives_some_of_its_pings():
    column = np.arange(5)
    words = counters(column, column)
    labels = [Label(EntityType.DRIVER, f"d{n}", DriverStatus.AVAILABLE) for n in range(5)]
    block = PingBlock(labels, *(column,) * 2, *(words,) * 3, *(column,) * 6)
    some = block.taken(np.array([3, 1]))
    assert [label.entity_id for label in some.labels] == ["d3", "d1"]
    assert some.at_ms.tolist() == [3, 1]
    assert len(some) == 2
