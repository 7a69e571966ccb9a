"""The file port, and the promise of the same bytes for the same seed and configuration."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.domain import RIDESHARE
from sim.control import scenarios
from sim.publishing.files import FilePort, OutputExistsError
from sim.publishing.memory import MemoryPort
from sim.publishing.run import Run, derived_run_id

REPOSITORY = Path(__file__).resolve().parents[4]
TOPICS = tuple(topic.name for topic in RIDESHARE.inputs)


def _run(folder, **environment):
    subprocess.run(
        [
            *(sys.executable, "-P", "-m", "sim.main", "run"),
            *("--config", "small", "--until", "4m", "--out", str(folder)),
        ],
        check=True,
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
    )
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.jsonl"))
    }


def test_bytes_do_not_depend_on_process_hash_seed_or_processor(tmp_path):
    first = _run(tmp_path / "a", PYTHONHASHSEED="1")
    second = _run(
        tmp_path / "b",
        PYTHONHASHSEED="2",
        NPY_DISABLE_CPU_FEATURES="AVX2 FMA3 AVX512F AVX512CD AVX512_SKX",
        TZ="Asia/Tokyo",
    )
    assert sorted(first) == sorted(f"{topic}.jsonl" for topic in TOPICS)
    assert first == second


def test_files_hold_what_the_memory_port_got(tmp_path):
    scenario = scenarios.named("small", {"faults": {"malformed_share": 0.2}})
    memory = MemoryPort()
    for name, port in (("m", memory), ("f", FilePort(tmp_path / "out"))):
        run = Run(scenario, derived_run_id(scenario), port, tmp_path / name)
        run.advance(scenario.start_ms + 120_000)
        run.end()
    for topic in TOPICS:
        lines = (tmp_path / "out" / f"{topic}.jsonl").read_bytes().split(b"\n")
        assert lines.pop() == b""
        assert lines == [r.value or b"" for r in memory.records if r.topic == topic]


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "rideshare.gps_pings.jsonl").touch()
    with pytest.raises(OutputExistsError, match="name another folder"):
        FilePort(tmp_path).open("run", TOPICS)
