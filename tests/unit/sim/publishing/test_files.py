"""The file port, and the promise of the same bytes for the same seed and configuration."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__

from contracts.domain import RIDESHARE
from sim.control import scenarios
from sim.publishing.files import FilePort, OutputExistsError
from sim.publishing.memory import MemoryPort
from sim.publishing.run import Run, derived_run_id

REPOSITORY = Path(__file__).resolve().parents[4]
TOPICS = tuple(topic.name for topic in RIDESHARE.inputs)


# The eight files of four minutes of `small`, one after another. Whoever changes the city on purpose
# puts the new one here; whoever does not has broken the repeatability of kept runs.
FOUR_MINUTES_SHA256 = "97e35c79a87f6a964213c917220de5b17d2b39bb258eadd1a87a88f485fc1165"
# Tells which optional instruction sets numpy uses, then is `python -m sim.main`.
CHILD = """
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print([name for name in __cpu_dispatch__ if __cpu_features__[name]])
from sim.main import main
raise SystemExit(main())
"""


def _run(folder, **environment):
    """Return the hash of all files of a run, and the instruction sets that numpy used."""
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-c", CHILD, "run"),
            *("--config", "small", "--until", "4m", "--out", str(folder)),
        ],
        check=True,
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
    )
    paths = sorted(folder.glob("*.jsonl"))
    assert [path.name for path in paths] == sorted(f"{topic}.jsonl" for topic in TOPICS)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    return digest, done.stdout.splitlines()[0]


def test_bytes_do_not_depend_on_process_hash_seed_or_machine(tmp_path):
    assert _run(tmp_path / "a", PYTHONHASHSEED="1")[0] == FOUR_MINUTES_SHA256


def test_bytes_do_not_depend_on_the_processor(tmp_path):
    # numpy's own variants, and those of exp, log and sin in the C library, whose last bits differ
    digest, used = _run(
        tmp_path / "b",
        PYTHONHASHSEED="2",
        NPY_DISABLE_CPU_FEATURES=" ".join(__cpu_dispatch__),
        GLIBC_TUNABLES="glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4",
        TZ="Asia/Tokyo",
    )
    assert used == "[]"
    assert digest == FOUR_MINUTES_SHA256


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
