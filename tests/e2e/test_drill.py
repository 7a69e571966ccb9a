"""`make drill`: everything that can die dies while a city runs and a file is replayed.

Each seed is another order and other moments. Wants minutes and a machine to itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.conftest import StackFactory
from tests.e2e.faults import FAULTS, inflict, plan
from tests.e2e.steps import (
    audit,
    caught_up,
    drivers_move,
    end_city,
    have_checkpointed,
    wait_for,
)
from tests.e2e.yellow import yellow_csv
from tests.stack_control import ROOT, TestStack

JOBS = ("live_positions", "ingest_bronze", "surge", "gps_anomalies", "region_windows")
SEEDS = [int(seed) for seed in os.environ.get("FAROL_FAULT_SEEDS", "1,2,3").split(",")]
SCENARIO = ROOT / "sim" / "scenarios" / "small.yaml"

pytestmark = [pytest.mark.drill, pytest.mark.e2e, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_answer_is_exact_although_everything_died_once(
    new_stack: StackFactory, tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = new_stack(FAROL_CHECKPOINT_INTERVAL_S="5")
    stack.up()
    for job in JOBS:
        stack.run("jobs", "submit", job)
    stack.run("sim", "start", "--config", str(every_record_twice(tmp_path)))
    run_id = json.loads(stack.run("sim", "status", "--json").stdout)["run_id"]
    drivers_move(stack)
    trips = yellow_csv(tmp_path / "trips.csv", rows=20_000, seed=seed)
    wait_for("all jobs checkpoint", lambda: have_checkpointed(stack, JOBS, {}))

    with replayed(stack, trips, f"drill-{seed}"):
        recoveries = inflict(stack, plan(seed), JOBS)
    end_city(stack)
    caught_up(stack, JOBS)
    stack.run("dbt", "build", timeout_s=900)

    with capsys.disabled():
        costs = ", ".join(f"{r.fault} {r.seconds:.0f} s" for r in recoveries)
        sys.stdout.write(f"\nseed {seed}: recovered from {costs}\n")
    assert {r.fault for r in recoveries} == set(FAULTS)
    audit(stack, run_id)
    audit(stack, f"drill-{seed}")


@contextmanager
def replayed(stack: TestStack, path: Path, run_id: str) -> Iterator[None]:
    """Replay a file while the body runs, about five minutes long, and wait for its end."""
    command = [
        *(str(ROOT / "farol"), "replay", str(path), "--as", "nyc_yellow"),
        *("--run-id", run_id, "--speed", "288"),
    ]
    with subprocess.Popen(
        command,
        env=stack.env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as replay:
        try:
            yield
            output, _ = replay.communicate(timeout=1200)
        finally:
            replay.kill()
    assert replay.returncode == 0, output


def every_record_twice(folder: Path) -> Path:
    """Write the small scenario with a copy of every record that has no other fault."""
    scenario = yaml.safe_load(SCENARIO.read_text(encoding="utf-8"))
    faults = scenario["faults"]
    others = sum(v for k, v in faults.items() if k.endswith("_share") and k != "duplicate_share")
    faults["duplicate_share"] = round(1.0 - others, 6)
    path = folder / "twice.yaml"
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return path
