"""Cost of the simulator by size, against the same city written plainly, and into Kafka.

Also the two clients for Kafka side by side, and the figures of `weekday` against published ones.
"""

import pytest

from tests.bench import kafka_clients, sim_kpis, sim_speed

pytestmark = [pytest.mark.bench, pytest.mark.kafka, pytest.mark.timeout(7200)]


def test_ten_thousand_drivers_live_ten_times_faster_than_real_time(stack):
    stack.up("kafka")
    sim_speed.main(["--rounds", "1", "--kafka", stack.kafka])
    costs = [sim_speed._alone(sim_speed.simulator, 10_000) for _ in range(3)]
    assert sim_speed.median(costs).cpu_share < 0.1


def test_it_is_five_times_as_fast_as_the_same_city_written_plainly():
    ours, plain = (
        sim_speed._alone(city, 10_000) for city in (sim_speed.simulator, sim_speed.plain)
    )
    assert abs(ours.events / plain.events - 1) < 0.1, "not the same city"
    assert ours.events_per_cpu_s > 5 * plain.events_per_cpu_s


def test_the_client_in_use_is_the_faster_one(stack):
    stack.up("kafka")
    rates = kafka_clients.main([stack.kafka, "--rounds", "1"])
    # with the other client the aim of 50,000 records per second would be out of reach
    assert rates["confluent-kafka"] > 50_000 > rates["kafka-python"]


def test_weekday_lies_within_published_ranges():
    assert sim_kpis.main([]) == 0
