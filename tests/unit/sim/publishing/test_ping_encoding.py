import msgspec
import numpy as np
import pytest

from contracts.events import DriverStatus, EntityType, GpsPing
from contracts.validation import reject_reason
from sim.engine.pings import Label, PingBlock, counters, identities
from sim.engine.stamping import Stamper
from sim.publishing.ping_encoding import PingEncoder
from sim.publishing.record import traceparent

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"
TRIP = "5e0b4a0c-2f44-4d0f-8f64-0c8f6f4f8e11"
LABELS = (
    Label(EntityType.DRIVER, "driver-000001", DriverStatus.AVAILABLE, None, "cause"),
    Label(EntityType.DRIVER, "driver-000002", DriverStatus.ON_TRIP, TRIP, "cause"),
    Label(EntityType.RIDER, "rider-000001", None, TRIP, None),
    Label(EntityType.DRIVER, 'Zoë "Z" \\ 1', DriverStatus.EN_ROUTE, "not-a-uuid", None),
)


def _block(**columns):
    count = len(next(iter(columns.values())))
    usual = {
        "entities": np.arange(count),
        "sequences": np.arange(1, count + 1),
        "at_ms": np.full(count, 1_772_442_000_000),
        "lats_e7": np.full(count, -235_505_000),
        "lons_e7": np.full(count, -466_333_000),
        "speeds_tenth_kmh": np.full(count, 123),
        "headings_tenth_deg": np.full(count, 901),
        "accuracies_tenth_m": np.full(count, 80),
    }
    usual.update({name: np.array(column) for name, column in columns.items()})
    words = counters(usual["entities"], usual["sequences"])
    upper, lower = identities(words, Stamper(RUN).words("ping"))
    labels = [LABELS[number % len(LABELS)] for number in range(count)]
    return PingBlock(labels=labels, counters=words, upper=upper, lower=lower, **usual)


@pytest.mark.parametrize(
    "columns",
    [
        {"sequences": [1, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 10_001, 123_456, 99_999_999]},
        {"lats_e7": [-235_505_123, 0, 1, -1, 899_999_999, -900_000_000, 10_000_000, 99_999]},
        {"lons_e7": [-466_333_000, 0, 7, -7, 1_800_000_000, -1_800_000_000, 12_345_678, -10]},
        {"speeds_tenth_kmh": [0, 1, 9, 10, 99, 100, 999, 1000, 9999, 99_999]},
        {"headings_tenth_deg": [0, 1, 900, 3599, 3600]},
        {"accuracies_tenth_m": [0, 5, 80, 1234]},
        {"at_ms": [1_772_441_999_999, 1_772_442_000_000, 1_772_442_000_007, 1_772_442_059_010]},
    ],
)
def test_a_line_is_the_event_of_the_contract(columns):
    block = _block(**columns)
    encoded = PingEncoder(RUN).encode(block)
    for event, value in zip(block.events(RUN), encoded.values, strict=True):
        assert reject_reason("rideshare.gps_pings", value) is None
        assert msgspec.json.decode(value, type=GpsPing, strict=True) == event
        one_by_one = msgspec.json.encode(event)
        assert list(msgspec.json.decode(value)) == list(msgspec.json.decode(one_by_one))
        assert b"\0" not in value


def test_keys_ids_and_traces_belong_to_their_lines():
    block = _block(sequences=range(1, 9))
    encoded = PingEncoder(RUN).encode(block)
    for row, event in enumerate(block.events(RUN)):
        assert encoded.event_ids[row] == event.event_id
        assert encoded.keys[row] == event.entity_id.encode()
        assert encoded.traceparents[row] == traceparent(event.event_id, event.correlation_id)


def test_a_changed_label_changes_the_line():
    encoder = PingEncoder(RUN)
    block = _block(sequences=[5])
    before = encoder.encode(block).values
    block.labels[0] = Label(EntityType.DRIVER, "driver-000001", DriverStatus.AT_PICKUP)
    assert msgspec.json.decode(encoder.encode(block).values[0])["driver_status"] == "at_pickup"
    block.labels[0] = LABELS[0]
    assert encoder.encode(block).values == before
