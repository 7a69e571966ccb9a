"""From pings to Redis: Farol's chain beside the plain Python consumer, on one backlog.

Farol runs its two jobs one after the other while the feeder writes, and their times are added: a
figure it would beat with more than two cores. The plain consumer does the same work without
recovery, rules or a late branch.
"""

import json
import os
import subprocess
import time
from typing import Final

import httpx
import pytest

from contracts.domain import GPS_AGGREGATES, GPS_PINGS, LIVE_POSITIONS
from contracts.metrics import FEEDER_LAG
from deploy.local.layout import Layout
from tests.bench.kit import machine, records_on, run_bounded, say, send_city
from tests.conftest import StackFactory
from tests.stack_control import ROOT, TestStack

RECORDS: Final = int(os.environ.get("FAROL_BENCH_RECORDS", "1000000"))
PARALLELISM: Final = 2
SHARE_REQUIRED: Final = 2.0

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


def test_chain(new_stack: StackFactory, capsys: pytest.CaptureFixture[str]) -> None:
    stack = new_stack(FAROL_CHECKPOINT_INTERVAL_S="30")
    stack.up("kafka", "redis", "catalog", "taskmanager")
    stack.run("lake", "init")
    send_city(stack.kafka, RECORDS)
    records = records_on(stack.kafka, (GPS_PINGS.name,))
    with capsys.disabled():
        say(f"\n{machine()}\n{records:,} pings of the demo city")
        plain_s = _plain(stack)
        farol_s = _farol(stack)
        share = plain_s / farol_s
        verdict = "" if share >= SHARE_REQUIRED else f"  BELOW {SHARE_REQUIRED:g} times"
        say(
            f"plain consumer {records / plain_s:,.0f}/s, Farol {records / farol_s:,.0f}/s: "
            f"{share:.1f} times{verdict}"
        )


def _plain(stack: TestStack) -> float:
    python = Layout.from_environment(stack.env).python("app")
    result = subprocess.run(
        [
            *(str(python), "-m", "tests.bench.plain_consumer"),
            *(stack.kafka, str(stack.port("redis"))),
        ],
        cwd=ROOT,
        env={**stack.env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(result.stdout)["seconds"])


def _farol(stack: TestStack) -> float:
    stack.up("feeder")
    seconds = 0.0
    for job in ("live_positions", "gps_aggregates"):
        timing = run_bounded(
            stack,
            f"flink_jobs.jobs.{job}",
            (GPS_PINGS.name,),
            *("--parallelism", str(PARALLELISM)),
        )
        seconds += timing.seconds
    began = time.monotonic()
    while _behind(stack):
        time.sleep(0.2)
    assert records_on(stack.kafka, (LIVE_POSITIONS.name, GPS_AGGREGATES.name)) > 0
    return seconds + time.monotonic() - began


def _behind(stack: TestStack) -> bool:
    """Return whether the feeder still has positions to write."""
    lines = httpx.get(f"{stack.url('feeder')}/metrics").text.splitlines()
    lags = [float(line.rsplit(" ", 1)[1]) for line in lines if _is_lag(line)]
    return not lags or sum(lags) > 0


def _is_lag(line: str) -> bool:
    return line.startswith(FEEDER_LAG.name) and LIVE_POSITIONS.name in line
