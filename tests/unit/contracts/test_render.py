"""The renderer as a command: writes, compares, names what differs."""

from pathlib import Path

import pytest

from contracts import render


def test_writes_once_then_finds_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render.main([], root=tmp_path) == 0
    assert capsys.readouterr().out.count("wrote: ") == len(render.render())
    assert render.main([], root=tmp_path) == 0
    assert render.main(["--check"], root=tmp_path) == 0
    assert capsys.readouterr().out == ""


def test_check_names_what_is_missing_or_changed_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render.main([], root=tmp_path)
    capsys.readouterr()
    gone, edited = "sql/flink/tables/taxi_trips.sql", "api/web/src/contracts.ts"
    (tmp_path / gone).unlink()
    (tmp_path / edited).write_text("// by hand\n")
    assert render.main(["--check"], root=tmp_path) == 1
    out = capsys.readouterr().out
    assert (
        out == f"differs: {edited}\ndiffers: {gone}\nrun `make contracts` and commit the result\n"
    )
    assert not (tmp_path / gone).exists()
    assert (tmp_path / edited).read_text() == "// by hand\n"
