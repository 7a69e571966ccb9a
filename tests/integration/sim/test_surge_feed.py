"""Streamed surge on a real broker: the city charges what the job says, and can repeat it."""

import time

import msgspec
import pytest
from confluent_kafka import Producer

from contracts.domain import ZONE_METRICS
from contracts.live import ZoneMetrics
from sim.control import scenarios
from sim.domain.commands import SetSurge
from sim.publishing import record_of_commands
from sim.publishing.memory import MemoryPort
from sim.publishing.outside import Outside
from sim.publishing.run import Run, new_run_id
from sim.services.surge_feed import KafkaSurgeFeed

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
PATIENCE_S = 240
MINUTE_MS = 60_000


def _metrics(run_id, zone_id, end_ms, multiplier):
    return ZoneMetrics(
        zone_id=zone_id,
        window_start_ms=end_ms - 300_000,
        window_end_ms=end_ms,
        open_requests=4,
        idle_drivers=1,
        ratio=4.0,
        smoothed_ratio=2.0,
        multiplier=multiplier,
        late_records=0,
        run_id=run_id,
    )


def _write(bootstrap, *records):
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": f"test-{new_run_id()}"}
    )
    producer.init_transactions()
    producer.begin_transaction()
    for record in records:
        value = record if isinstance(record, bytes) else msgspec.json.encode(record)
        producer.produce(ZONE_METRICS.name, value=value)
    producer.commit_transaction()


def test_the_city_charges_what_the_stream_says_and_can_repeat_it(stack, tmp_path):
    stack.up("kafka")
    scenario = scenarios.named("small", {"policies": {"surge": "streamed"}})
    run_id, port = new_run_id(), MemoryPort()
    feed = KafkaSurgeFeed(stack.kafka, run_id)
    run = Run(scenario, run_id, port, tmp_path / "first", connect=lambda: Outside(surge=feed))
    run.advance(scenario.start_ms + MINUTE_MS)
    start_ms = scenario.start_ms
    _write(
        stack.kafka,
        _metrics(run_id, 78, start_ms + 60_000, 1.8),
        _metrics(run_id, 78, start_ms + 50_000, 2.9),  # an older window, come late
        _metrics(new_run_id(), 7, start_ms + 60_000, 3.0),  # another run
        b"{broken",
    )
    until_s = time.monotonic() + PATIENCE_S
    while not run.simulation.city.multipliers:
        assert time.monotonic() < until_s, "no multiplier came back"
        run.advance(run.now_ms + 10_000)
        time.sleep(0.05)
    assert run.simulation.city.multipliers == {78: 1.8}
    assert feed.ignored == 2
    run.end()
    script = record_of_commands.read(run.ledger_path.parent)
    assert SetSurge(zone_id=78, multiplier=1.8) in [entry.command for entry in script]
    again = Run(scenario, run_id, MemoryPort(), tmp_path / "second", script=script)
    again.advance(again.scripted_end_ms)
    again.end()
    assert again.port.records == port.records
