import msgspec
import pytest

from sim.domain.scenario import Agents, Demand, Faults, Scenario


def _scenario(**changes):
    return Scenario(
        name="test",
        seed=1,
        agents=Agents(drivers=1, riders=1),
        demand=Demand(peak_requests_per_hour=1.0),
        **changes,
    )


def _decode(text):
    return msgspec.json.decode(text, type=Faults)


def test_starts_at_six_on_a_monday_in_sao_paulo():
    scenario = _scenario()
    assert scenario.start_ms == 1_772_442_000_000
    assert scenario.local_hour(scenario.start_ms) == 6
    assert scenario.local_hour(scenario.start_ms - 7 * 3_600_000) == 23


def test_is_frozen():
    with pytest.raises(AttributeError):
        _scenario().seed = 2


def test_demand_that_never_comes_is_refused():
    with pytest.raises(ValueError, match="must not all be zero"):
        Demand(peak_requests_per_hour=1.0, hourly_weights=(0.0,) * 24)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"duplicate_share": 0.6, "late_share": 0.6}', "add up to 1.2"),
        (b'{"dropped_share": 0.1}', "needs lossy"),
        (b'{"late_min_s": 200}', "late_min_s: 200 lies above late_max_s 120"),
        (b'{"silence_max_s": 620}', "silence_min_s: 660 lies above silence_max_s 620"),
        (b'{"late_min_s": 20}', "at least 25"),
        (b'{"out_of_order_max_s": 10}', "out_of_order_max_s"),
        (b'{"duplicates": 1}', "unknown field `duplicates`"),
    ],
)
def test_contradictory_fault_plans_are_refused(text, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        _decode(text)


def test_lossy_plans_may_drop():
    assert _decode(b'{"dropped_share": 0.1, "lossy": true}').lossy
