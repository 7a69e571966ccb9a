import msgspec
import numpy as np
import pytest

from contracts.domain import RIDESHARE
from contracts.validation import reject_reason
from sim.control import scenarios
from sim.engine.simulation import Simulation
from sim.publishing.corruption import KINDS, corrupt, draw_kind
from sim.publishing.ping_encoding import PingEncoder

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"


class OnePerTopic:
    def __init__(self):
        self.values = {}

    def emit(self, topic, key, event, event_time_ms):
        self.values[topic.name] = msgspec.json.encode(event)

    def emit_pings(self, block):
        self.values["rideshare.gps_pings"] = PingEncoder(RUN).encode(block).values[-1]


@pytest.fixture(scope="module")
def values():
    sink = OnePerTopic()
    scenario = scenarios.named("small", {"demand": {"peak_requests_per_hour": 240}})
    simulation = Simulation(scenario, RUN, sink, pings=sink.emit_pings)
    while len(sink.values) < len(RIDESHARE.inputs):
        simulation.step(simulation.now_ms + 60_000)
    return sink.values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("topic", [topic.name for topic in RIDESHARE.inputs])
def test_every_malformed_copy_is_rejected_for_the_stated_reason(values, topic, kind):
    assert reject_reason(topic, values[topic]) is None
    value, reason = corrupt(topic, values[topic], kind)
    assert reject_reason(topic, value) == reason
    assert value is None or b"\n" not in value


def test_all_reasons_of_the_contract_are_covered(values):
    reasons = {
        corrupt(topic, value, kind).reason.split(":")[0]
        for topic, value in values.items()
        for kind in KINDS
    }
    assert reasons == {
        "null_value",
        "oversized",
        "not_utf8",
        "not_json",
        "not_an_object",
        "unknown_schema_version",
        "event_time_missing",
        "event_time_invalid",
        "event_time_out_of_range",
        "unknown_event_type",
        "missing_field",
        "wrong_type",
        "out_of_range",
        "invalid_value",
    }


def test_cutting_never_splits_a_character():
    value = '{"name":"áááááááááááááá"}'.encode()
    for extra in range(4):
        cut, reason = corrupt("rideshare.trips", value + b" " * extra, "truncated")
        assert reason == "not_json"
        cut.decode("utf-8")


def test_oversized_is_rare_and_all_others_come():
    rng = np.random.default_rng(1)
    drawn = [draw_kind(rng.random()) for _ in range(3000)]
    assert set(drawn) >= set(KINDS) - {"oversized"}
    assert drawn.count("oversized") < 20
