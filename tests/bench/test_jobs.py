"""Records per second and CPU of every job at parallelism 1 and 2, beside a bare pipeline.

Both read the same backlog in the same run: whole simulated cities, faults included, and replayed
taxi trips. The bare pipelines do the same kind of work with no validation, no late branch and no
result. `make bench` runs this; wants a machine to itself for a quarter of an hour.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from contracts.domain import DRIVER_STATUS, GPS_PINGS, INPUT_TOPICS, TAXI_TRIPS, TRIPS, Topic
from tests.bench.kit import Timing, machine, run_bounded, say, send_city
from tests.conftest import StackFactory
from tests.e2e.yellow import yellow_csv
from tests.stack_control import ROOT, TestStack

RECORDS: Final = int(os.environ.get("FAROL_BENCH_RECORDS", "1000000"))
TAXI_ROWS: Final = RECORDS // 5
PARALLELISMS: Final = (1, 2)
SHARE_REQUIRED: Final = 0.75
"""Of the bare pipeline's rate, which a job is not to fall below."""

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]


@dataclass(frozen=True, slots=True)
class Pair:
    """A job and the bare pipeline that does its kind of work."""

    job: str
    topics: tuple[Topic, ...]
    bare_module: str
    bare_topics: tuple[Topic, ...]
    bare_arguments: tuple[str, ...] = ()


def _bare(name: str) -> tuple[str, ...]:
    return ("--set", f"bench.pipeline={name}")


BARE: Final = "tests.bench.bare_job"
PAIRS: Final = (
    Pair("ingest_bronze", INPUT_TOPICS, "tests.bench.raw_bronze", INPUT_TOPICS),
    Pair("live_positions", (GPS_PINGS,), BARE, (GPS_PINGS,), _bare("positions")),
    Pair("gps_aggregates", (GPS_PINGS,), BARE, (GPS_PINGS,), _bare("windows_by_driver")),
    Pair("gps_anomalies", (GPS_PINGS, DRIVER_STATUS), BARE, (GPS_PINGS,), _bare("steps_by_lag")),
    Pair("surge", (TRIPS, DRIVER_STATUS), BARE, (TRIPS,), _bare("requests_by_zone")),
    Pair("region_windows", (TAXI_TRIPS,), BARE, (TAXI_TRIPS,), _bare("windows_by_region")),
)


@pytest.fixture(scope="module")
def loaded(_stacks: StackFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """Return a stack whose topics hold a city and a file of trips."""
    stack = _stacks(FAROL_CHECKPOINT_INTERVAL_S="30")
    stack.up("kafka", "taskmanager", "catalog")
    stack.run("lake", "init")
    sent = send_city(stack.kafka, RECORDS)
    path = yellow_csv(tmp_path_factory.mktemp("trips") / "trips.csv", TAXI_ROWS, seed=1)
    stack.run("replay", str(path), "--as", "nyc_yellow", "--run-id", "bench")
    say(f"\n{machine()}\n{sent:,} records of the demo city, {TAXI_ROWS:,} replayed trips")
    say(f"{'job':16} {'p':>2} {'records/s':>10} {'bare/s':>10} {'share':>6}  CPU s/M, MiB")
    yield stack
    stack.down()


@pytest.mark.parametrize("parallelism", PARALLELISMS)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.job)
def test_throughput(
    loaded: TestStack, pair: Pair, parallelism: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        if not Path(ROOT, "flink_jobs", "jobs", f"{pair.job}.py").is_file():
            pytest.skip(f"{pair.job} is not in this checkout")
        bare = _run(loaded, pair.bare_module, pair.bare_topics, parallelism, *pair.bare_arguments)
        own = _run(loaded, f"flink_jobs.jobs.{pair.job}", pair.topics, parallelism)
        share = own.rate / bare.rate
        verdict = "" if share >= SHARE_REQUIRED else f"  BELOW {SHARE_REQUIRED:.0%}"
        memory = f"{own.memory['process']} + {own.memory['children']}"
        say(
            f"{pair.job:16} {parallelism:>2} {own.rate:>10,.0f} {bare.rate:>10,.0f} {share:>6.0%}"
            f"  {own.cpu_s_per_million:.1f} (bare {bare.cpu_s_per_million:.1f}), {memory}{verdict}"
        )


def _run(
    stack: TestStack, module: str, topics: tuple[Topic, ...], parallelism: int, *words: str
) -> Timing:
    names = tuple(topic.name for topic in topics)
    return run_bounded(stack, module, names, "--parallelism", str(parallelism), *words)
