"""Ports, Redis names, the ledger's place, metric names: unique, well formed, as promised."""

import re
import sqlite3

import pytest

from contracts import domain, health, ledger, metrics, ports, redis_keys


def test_ports_are_distinct_and_move_together() -> None:
    assert len(set(ports.DEFAULT_PORTS.values())) == len(ports.DEFAULT_PORTS)
    assert ports.port("kafka") == 9092
    assert ports.port("kafka", 20_000) == 29_092


def test_a_port_outside_the_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"port of kafka with FAROL_PORT_OFFSET=60000 is 69092"):
        ports.port("kafka", 60_000)
    with pytest.raises(KeyError):
        ports.port("kafkaesque")


def test_redis_names() -> None:
    assert redis_keys.positions("rideshare") == "rideshare:positions"
    assert redis_keys.positions_geo("rideshare") == "rideshare:positions:geo"
    assert redis_keys.positions_seen("rideshare") == "rideshare:positions:seen"
    assert redis_keys.positions_versions("rideshare") == "rideshare:positions:versions"
    assert redis_keys.positions_of_run("rideshare", "r1") == "rideshare:positions:run:r1"
    assert redis_keys.runs("rideshare") == "rideshare:runs"
    assert redis_keys.run_clocks("rideshare") == "rideshare:runs:clocks"
    assert redis_keys.surge("rideshare") == "rideshare:surge"
    assert redis_keys.stats("rideshare") == "rideshare:stats"
    assert redis_keys.window(230, 1_547_541_360_000) == "region:230:window:1547541360000"
    assert redis_keys.window_index(230) == "region:230:windows"


def test_names_of_readiness_checks_belong_to_no_domain() -> None:
    topics = {spec.name for spec in domain.topic_specs()}
    assert health.READINESS_TOPIC not in topics
    assert health.readiness_key().split(":")[0] not in domain.DOMAINS


def test_the_pattern_matches_every_live_channel() -> None:
    assert redis_keys.live_positions_channel("rideshare", "85a8100bfffffff") == (
        "rideshare:live:positions:85a8100bfffffff"
    )
    prefix = redis_keys.live_pattern("rideshare").removesuffix("*")
    assert redis_keys.live_positions_channel("rideshare", "x").startswith(prefix)
    assert redis_keys.live_surge_channel("rideshare").startswith(prefix)


def test_the_ledger_is_valid_sqlite_and_can_be_applied_twice() -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(ledger.SCHEMA)
    database.executescript(ledger.SCHEMA)
    tables = {row[0] for row in database.execute("select name from sqlite_master")}
    assert {"run", "produced", "offsets", "faults", "trip_transitions", "payments"} <= tables
    database.close()
    assert ledger.relative_path("abc") == "runs/abc/truth.sqlite"


def test_metric_names_are_unique_and_carry_part_and_unit() -> None:
    names = [metric.name for metric in metrics.METRICS]
    assert len(set(names)) == len(names)
    units = {
        "counter": r"_total",
        "gauge": r"_(count|seconds|ratio|records)",
        "histogram": r"_seconds",
    }
    for metric in metrics.METRICS:
        parts = r"farol_(sim|feeder|keeper|api|ingest|job)_[a-z_]+"
        assert re.fullmatch(parts + units[metric.kind], metric.name), metric.name
        assert metric.help.endswith(".")
        assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)


def test_every_metric_constant_is_listed() -> None:
    constants = {name: m for name, m in vars(metrics).items() if isinstance(m, metrics.Metric)}
    assert set(constants.values()) == set(metrics.METRICS)
    assert list(metrics.LATENCY_BUCKETS_S) == sorted(metrics.LATENCY_BUCKETS_S)
