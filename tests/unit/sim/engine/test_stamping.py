import uuid

import pytest

from contracts.timestamps import rfc3339
from sim.engine.stamping import Stamper, TimeText, uuid5_text

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"


@pytest.mark.parametrize("number", range(200))
def test_uuid5_equals_the_library(number):
    namespace = uuid.UUID(RUN)
    name = f"rideshare.trips/São/{number}"
    assert uuid5_text(namespace.bytes, name) == str(uuid.uuid5(namespace, name))


def test_times_rise_strictly_per_entity_and_ids_count():
    stamper = Stamper(RUN)
    stamps = [stamper.stamp("t", "a", at) for at in (100, 100, 50, 101, 500)]
    assert [s.event_time_ms for s in stamps] == [100, 101, 102, 103, 500]
    assert [s.event_id for s in stamps] == [
        str(uuid.uuid5(uuid.UUID(RUN), f"t/a/{n}")) for n in range(1, 6)
    ]


def test_entities_and_topics_count_apart():
    stamper = Stamper(RUN)
    ids = {stamper.stamp(t, k, 1).event_id for t in "xy" for k in "ab"}
    assert len(ids) == 4


def test_forgotten_entities_start_again():
    stamper = Stamper(RUN)
    first = stamper.stamp("t", "a", 5)
    stamper.forget("t", "a")
    stamper.forget("t", "never seen")
    assert stamper.stamp("t", "a", 5) == first


@pytest.mark.parametrize("epoch_ms", [0, 999, 1000, 1_772_442_000_000, 1_772_442_000_007])
def test_time_text_equals_the_contract(epoch_ms):
    text = TimeText()
    assert text.of(epoch_ms) == rfc3339(epoch_ms)
    assert text.of(epoch_ms + 1) == rfc3339(epoch_ms + 1)
