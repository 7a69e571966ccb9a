"""How dbt is called, without calling it."""

from pathlib import Path

import pytest
from filelock import FileLock

from deploy.local import dbt
from deploy.local.layout import Layout

LEFT_OUT = ("--exclude-resource-type", "unit_test", "--exclude", "tag:health")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.from_environment({"FAROL_HOME": str(tmp_path), "FAROL_PORT_OFFSET": "40000"})


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (("build",), ("build", *LEFT_OUT)),
        (("build", "--select", "+fact_trips"), ("build", "--select", "+fact_trips", *LEFT_OUT)),
        (("build", "--resource-type", "unit_test"), ("build", "--resource-type", "unit_test")),
        (("build", "--select", "test_type:unit"), ("build", "--select", "test_type:unit")),
        (("test",), ("test",)),
        ((), ()),
    ],
)
def test_only_a_build_leaves_unit_tests_and_health_out(
    given: tuple[str, ...], passed: tuple[str, ...]
) -> None:
    assert dbt.arguments(given) == passed


def test_dbt_gets_the_stack_and_not_the_repository(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(layout.repository))
    monkeypatch.setenv("DBT_TARGET_PATH", "elsewhere")
    env = dbt.environment(layout)
    assert "PYTHONPATH" not in env
    assert env["FAROL_TRINO_PORT"] == "48080"
    for name in ("DBT_TARGET_PATH", "DBT_LOG_PATH"):
        assert Path(env[name]).is_relative_to(layout.home)


def test_each_engine_has_its_own_output_and_place(layout: Layout) -> None:
    trino = dbt.environment(layout)
    duckdb = dbt.environment(layout, dbt.Engine.DUCKDB)
    assert (trino["DBT_TARGET"], duckdb["DBT_TARGET"]) == ("trino", "duckdb")
    assert trino["DBT_TARGET_PATH"] != duckdb["DBT_TARGET_PATH"]
    assert dbt.folder(layout, dbt.Engine.DUCKDB).parent == dbt.folder(layout)
    assert duckdb["FAROL_DUCKDB_FILE"].endswith("/duckdb/lake.duckdb")


def test_without_a_catalog_duckdb_says_what_to_start(layout: Layout) -> None:
    with pytest.raises(dbt.DbtError, match="farol up catalog"):
        dbt.run(layout, ("build",), lambda _: None, engine=dbt.Engine.DUCKDB)


def test_without_trino_the_error_says_what_to_start(layout: Layout) -> None:
    with pytest.raises(dbt.TrinoUnreachableError, match="farol up catalog trino"):
        dbt.run(layout, ("build",), lambda _: None)


def test_a_second_dbt_waits_and_then_gives_up_with_a_clear_error(layout: Layout) -> None:
    dbt.folder(layout).mkdir()
    said: list[str] = []
    with FileLock(dbt.folder(layout) / "build.lock"), pytest.raises(dbt.BusyError, match="Wait"):
        dbt.run(layout, ("parse",), said.append, wait_s=0.1)
    assert said == ["farol: another dbt is at work on this stack, waiting for it to end"]
