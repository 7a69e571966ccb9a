"""The page's own unit tests, run as part of ours."""

import os
import subprocess

import pytest

from tests.integration.api.servers import ROOT

WEB = ROOT / "api" / "web"
TOOLS = ROOT / ".farol" / "tools" / "bin"


@pytest.mark.timeout(600)
def test_reducer_selectors_and_motion() -> None:
    if not (WEB / "node_modules" / "vitest").is_dir():
        pytest.skip("no node_modules: run `make setup`, or npm ci in api/web")
    environment = os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}", "NO_COLOR": "1"}
    result = subprocess.run(
        [TOOLS / "node", "node_modules/vitest/vitest.mjs", "run"],
        cwd=WEB,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "passed" in result.stdout
