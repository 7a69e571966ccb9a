"""Cost of the simulator by size, against the same city written plainly, and into Kafka."""

import pytest

from tests.bench import sim_speed

pytestmark = [pytest.mark.bench, pytest.mark.kafka, pytest.mark.timeout(7200)]


def test_ten_thousand_drivers_live_ten_times_faster_than_real_time(stack):
    stack.up("kafka")
    sim_speed.main(["--rounds", "1", "--kafka", stack.kafka])
    costs = [sim_speed._alone(sim_speed.simulator, 10_000) for _ in range(3)]
    assert sim_speed.median(costs).cpu_share < 0.1
