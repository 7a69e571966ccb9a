"""Airflow gets the stack's addresses, the loopback interface, and none of Farol's paths."""

from pathlib import Path

import pytest

from deploy.local.layout import Layout
from deploy.local.schedule_airflow import AirflowError, environment, program


def test_its_environment_is_that_of_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    layout = Layout(tmp_path / "code", tmp_path / "home", tmp_path, port_offset=3000)
    found = environment(layout)
    assert found["FAROL_HOME"] == str(tmp_path / "home")
    assert found["FAROL_PORT_OFFSET"] == "3000"
    assert found["AIRFLOW_HOME"].startswith(found["FAROL_HOME"])
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__API__PORT"] == str(layout.port("airflow"))
    assert "PYTHONPATH" not in found


def test_where_it_is_not_installed_it_says_how(tmp_path: Path) -> None:
    with pytest.raises(AirflowError, match="farol setup --airflow"):
        program(Layout(tmp_path, tmp_path, tmp_path, port_offset=0))
