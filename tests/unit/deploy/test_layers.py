"""Each import contract of pyproject.toml can fail: a planted violation breaks exactly that one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("contracts", "sim", "flink_jobs", "api", "deploy")
PLANTED = [
    ("contracts/planted.py", "import sim", "parts meet only at the contracts"),
    ("api/planted.py", "import flink_jobs.logic", "parts meet only at the contracts"),
    ("contracts/planted.py", "import redis", "cores are pure"),
    ("flink_jobs/logic/planted.py", "import pyflink", "cores are pure"),
    ("sim/domain/planted.py", "import simpy", "cores are pure"),
    ("deploy/planted.py", "import pyflink", "deploy never imports pyflink"),
    ("sim/domain/planted.py", "import sim.engine", "inside the simulator"),
    ("flink_jobs/logic/planted.py", "import flink_jobs.jobs", "inside the jobs"),
    ("api/stores/planted.py", "import api.routes", "inside the api"),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a copy of all Python packages."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy2(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            folder / package,
            ignore=lambda where, names: (
                [n for n in names if (Path(where) / n).is_file() and not n.endswith(".py")]
                + [n for n in names if n in ("node_modules", "__pycache__", "dist")]
            ),
        )
    return folder


def _lint(folder):
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [str(program), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_packages_as_they_are_keep_every_contract(checkout):
    result = _lint(checkout)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("module", "line", "contract"), PLANTED)
def test_a_planted_violation_is_found(checkout, module, line, contract):
    path = checkout / module
    path.write_text(f'"""Planted."""\n\n{line}\n')
    try:
        result = _lint(checkout)
    finally:
        path.unlink()

    assert result.returncode == 1, result.stdout
    assert f"{contract} BROKEN" in result.stdout
