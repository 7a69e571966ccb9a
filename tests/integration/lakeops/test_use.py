"""What people look at: the notebook, the page of the checks, the documentation of the tables."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.integration.lakeops.conftest import BuiltLake
from tests.stack_control import ROOT

pytestmark = [pytest.mark.catalog, pytest.mark.trino, pytest.mark.timeout(900)]
NOTEBOOK = ROOT / "docs" / "notebooks" / "gold.ipynb"
QUESTIONS = 5


def test_the_notebook_answers_its_questions_with_plots(built_lake: BuiltLake) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells), "commit no outputs"
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}})
    client.execute(env=built_lake.stack.env)
    plots = [
        output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})
    ]
    assert len(plots) == QUESTIONS
    headings = [cell.source for cell in notebook.cells if cell.source.startswith("## ")]
    assert len(headings) == QUESTIONS


def test_the_page_shows_every_check_and_table_of_the_last_builds(
    built_lake: BuiltLake, tmp_path: Path
) -> None:
    out = tmp_path / "checks.html"
    said = built_lake.stack.run("lake", "report", "--out", str(out)).stdout
    assert out.as_uri() in said
    page = out.read_text(encoding="utf-8")
    assert re.search(r"gold\.fact_trips.*?120", page, re.DOTALL)
    for step in ("silver.stg_trips", "gold.dim_zones", "gold.agg_hourly_zone_demand"):
        assert f'<td class="table">{step}' in page, "each step of the chain is in it"
    assert ", 0 fail, 0 error" in said
    manifest = json.loads((built_lake.layout.home / "dbt" / "target" / "manifest.json").read_text())
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    counted = re.search(r"<b>(\d+)</b>checks", page)
    assert counted
    assert int(counted[1]) == len(tests), "every check of the project runs in one of the steps"
    assert "failed." not in page


def test_the_documentation_is_one_page(built_lake: BuiltLake) -> None:
    said = built_lake.stack.run("docs", "--no-serve").stdout
    page = built_lake.layout.home / "dbt" / "site" / "index.html"
    assert page.as_uri() in said
    text = page.read_text(encoding="utf-8")
    assert "fact_trips" in text
    assert "One row per" in text
