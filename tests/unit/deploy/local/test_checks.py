"""What dbt's files are read as, and a page that shows it and nothing else."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.local import checks, lake_report
from deploy.local.checks import ReportError, Status, Topic
from deploy.local.lake_stats import PartitionStats, TableStats

EVIL = "<script>alert(1)</script>"
MODEL = {
    "resource_type": "model",
    "schema": "gold",
    "name": "fact_trips",
    "config": {"materialized": "incremental"},
    "description": f"One row per trip {EVIL}.\n\nMore.",
}


def node(name: str, kind: str | None = None, **config: Any) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "name": name,
        "test_metadata": {"name": kind} if kind else None,
        "attached_node": "model.trips" if kind else None,
        "column_name": "trip_id" if kind else None,
        "depends_on": {"nodes": ["model.trips"]},
        "config": {"warn_if": "!= 0", "error_if": "!= 0", "severity": "ERROR", **config},
        "tags": config.get("tags", []),
        "description": "",
        "compiled_code": f"select '{EVIL}'",
    }


def result(name: str, status: str, at: str, failures: int | None = 0) -> dict[str, Any]:
    return {
        "unique_id": name,
        "status": status,
        "failures": failures,
        "execution_time": 1.5,
        "message": f"Got {failures} {EVIL}" if status != "pass" else None,
        "timing": [{"name": "execute", "completed_at": f"2026-03-10T{at}Z"}],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nodes = {
        "model.trips": MODEL,
        "test.unique": node("unique_fact_trips_trip_id", "unique"),
        "test.rows": node("rows_of_today", meta={"topic": "volume"}, severity="WARN"),
        "test.rule": node("fare_is_fee_plus_payout"),
        "test.age": node("health_trips_are_fresh", meta={"topic": "freshness"}),
    }
    target = tmp_path / "target"
    target.mkdir()
    (target / "manifest.json").write_text(json.dumps({"nodes": nodes, "sources": {}}))
    return tmp_path


def write(folder: Path, *results: dict[str, Any]) -> None:
    path = folder / "target" / "run_results.json"
    path.write_text(json.dumps({"results": results}), encoding="utf-8")


def test_the_newest_result_of_each_step_counts(folder: Path):
    write(
        folder,
        result("test.unique", "fail", "10:00:00.1", 3),
        result("test.rule", "pass", "10:00:00.0"),
    )
    checks.keep(folder, "silver")
    write(folder, result("test.unique", "pass", "11:00:00.0"))
    checks.keep(folder, "gold-facts")
    write(folder, result("model.trips", "success", "12:00:00.0", None))
    found = checks.read(folder)
    assert {check.name: check.status for check in found.checks} == {
        "unique": Status.PASS,
        "fare is fee plus payout": Status.PASS,
    }
    (model,) = found.models
    assert (model.table, model.status) == ("gold.fact_trips", Status.PASS)
    write(folder, result("test.unique", "fail", "09:00:00.0", 9))
    assert checks.read(folder).count(Status.FAIL) == 0, "an older file does not win"


def test_checks_say_what_they_are_about(folder: Path):
    names = ("test.unique", "test.rows", "test.rule", "test.age")
    write(folder, *(result(name, "pass", "10:00:00.0") for name in names))
    found = checks.read(folder).checks
    assert [check.topic for check in found] == [
        Topic.VOLUME,
        Topic.FRESHNESS,
        Topic.RULES,
        Topic.UNIQUENESS,
    ]
    volume = found[0]
    assert (volume.warn_if, volume.error_if) == ("!= 0", ""), "severity warn never fails"
    assert found[1].name == "trips are fresh"
    assert found[3].table == "gold.fact_trips"
    assert found[3].column == "trip_id"


def test_worst_comes_first_and_unknown_ends_are_errors(folder: Path):
    write(
        folder,
        result("test.rule", "pass", "10:00:00.0"),
        result("test.unique", "runtime error", "10:00:00.0", None),
        result("gone.from.the.project", "fail", "10:00:00.0"),
    )
    found = checks.read(folder)
    assert [check.status for check in found.checks] == [Status.PASS, Status.ERROR]
    assert found.count(Status.ERROR) == 1


def test_the_page_is_whole_and_runs_nothing(folder: Path, tmp_path: Path):
    write(
        folder,
        result("test.rule", "fail", "10:00:00.0", 4),
        result("test.rows", "warn", "10:00:00.0", 2),
        result("model.trips", "error", "10:00:00.0", None),
    )
    part = PartitionStats("", 12345, 3, 5 * 2**20, 3, 5 * 2**20, 0)
    sizes = {"gold.fact_trips": TableStats("gold.fact_trips", (part,), 1, (1,))}
    found = checks.read(folder)
    page = lake_report.render(found, sizes, datetime(2026, 3, 10, tzinfo=UTC))
    assert EVIL not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "2 of 3 checks and tables failed." in page
    assert "12,345" in page
    out = tmp_path / "deep" / "checks.html"
    lake_report.write(folder, out, {})
    assert out.is_file()


def test_a_lake_that_was_never_built_says_what_to_run(tmp_path: Path):
    with pytest.raises(ReportError, match="farol dbt build"):
        checks.read(tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text("{")
    with pytest.raises(ReportError, match="cannot be read"):
        checks.read(tmp_path)


def test_errors_are_those_of_the_run_that_has_just_ended(folder: Path):
    assert checks.errors_since(folder, 0.0) == ()
    write(
        folder,
        result("test.rule", "fail", "10:00:00.0", 4),
        result("model.trips", "error", "10:00:00.0", None),
    )
    assert checks.errors_since(folder, 0.0) == (f"Got None {EVIL}",)
    assert checks.errors_since(folder, time.time() + 60) == (), "these were there before"
