"""What a question to Trino says where there is none."""

from pathlib import Path

import pytest

from deploy.local.layout import Layout
from deploy.local.sql_command import SqlError, run_statement


def test_without_trino_one_line_says_what_to_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout = Layout.from_environment({"FAROL_HOME": str(tmp_path), "FAROL_PORT_OFFSET": "40000"})
    with pytest.raises(
        SqlError, match=r"does not answer .*Is it up\? farol status, farol up trino"
    ):
        run_statement(layout, "select ?", [1])
    assert caplog.messages == []
