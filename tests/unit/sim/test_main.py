import json
import subprocess
import sys
from pathlib import Path

import pytest

from sim.domain.errors import SimError
from sim.main import (
    Settings,
    duration_ms,
    parse_arguments,
    read_settings,
    repeat,
    run_once,
)

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("4h", 14_400), ("1h30m", 5400), ("2d", 172_800)],
)
def test_durations(text, seconds):
    assert duration_ms(text) == seconds * 1000


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-1s", "1.5h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(SimError, match="write 90s, 10m, 4h"):
        duration_ms(text)


def test_settings_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FAROL_HOME", str(tmp_path))
    monkeypatch.setenv("FAROL_PORT_OFFSET", "300")
    monkeypatch.delenv("FAROL_KAFKA", raising=False)
    monkeypatch.delenv("FAROL_API_KEY", raising=False)
    settings = read_settings()
    assert (settings.home, settings.kafka) == (tmp_path, "127.0.0.1:9392")
    with pytest.raises(SimError, match="no API key"):
        _ = settings.api_key
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "api_key").write_text("from-file\n", encoding="utf-8")
    assert settings.api_key == "from-file"
    monkeypatch.setenv("FAROL_API_KEY", "from-environment")
    assert settings.api_key == "from-environment"


def test_a_bad_offset_is_refused(monkeypatch):
    monkeypatch.setenv("FAROL_PORT_OFFSET", "many")
    with pytest.raises(SimError, match="FAROL_PORT_OFFSET is 'many'"):
        read_settings()


def _main(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sim.main", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "weekday", "storm"], "storm starts at 2026-03-03T18:00:00+00:00"),
        (["run", "--config", "atlantis", "--until", "1m"], "known are carnival_night, demo"),
        (["run", "--config", "small", "--until", "soon"], "is no duration"),
        (["run", "--config", "small", "--until", "9999d"], "outside rideshare's time range"),
        (["run", "--config", "missing.yaml", "--until", "1m"], "cannot be read"),
        (["run", "small", "--speed", "-3"], "--speed -3: give 0"),
        (["run", "small", "--speed", "nan"], "--speed nan: give 0"),
        (["run", "small", "--run-id", "monday"], "--run-id monday: give a UUID"),
        (["run", "small", "--out", "/proc/nope"], "'/proc/nope'"),
        (["compare", "small", "small", "--jobs", "0"], "--jobs 0: give at least one"),
        (["compare", "small", "small", "--out", "/proc/nope"], "'/proc/nope'"),
    ],
)
def test_bad_input_is_one_line_without_a_trace(tmp_path, arguments, message):
    done = _main(arguments[0], "--out", str(tmp_path), *arguments[1:])
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_run_ends_with_its_figures_and_can_be_repeated_from_its_folder(tmp_path, capsys):
    settings = Settings(home=tmp_path, port_offset=0, kafka="127.0.0.1:9")
    first, second = tmp_path / "first", tmp_path / "second"
    run_once(settings, parse_arguments(["run", "small", "--until", "3m", "--out", str(first)]))
    assert "completed trips" in capsys.readouterr().out
    (folder,) = (first / "runs").iterdir()
    assert b"completion_share" in (folder / "kpis.json").read_bytes()
    repeat(settings, parse_arguments(["repeat", str(folder), "--out", str(second)]))
    files = sorted(path.name for path in first.glob("*.jsonl"))
    assert len(files) == 8
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    with pytest.raises(SimError, match="holds no run"):
        repeat(settings, parse_arguments(["repeat", str(tmp_path), "--out", str(second)]))


def test_compare_writes_table_plot_and_all_figures(tmp_path):
    rival, out = tmp_path / "batched.yaml", tmp_path / "out"
    rival.write_text("{base: small, name: batched, policies: {matching: batched}}")
    arguments = ["small", str(rival), "--replications", "2", "--until", "20m", "--out", str(out)]
    done = _main("compare", *arguments)
    assert done.returncode == 0, done.stderr
    table = (out / "compare.txt").read_text(encoding="utf-8")
    assert done.stdout == table
    assert table.split()[:2] == ["small", "batched"]
    assert "small" in (out / "compare.svg").read_text(encoding="utf-8")
    figures = json.loads((out / "replications.json").read_text(encoding="utf-8"))
    assert [len(rows) for rows in figures.values()] == [2, 2]
    a, b = figures["small"], figures["batched (b)"]
    # the same riders asked, so that whatever differs is due to the policy
    assert [kpis["requests"] for kpis in a] == [kpis["requests"] for kpis in b]
    assert a != b


def test_streamed_surge_without_a_broker_says_so(tmp_path):
    settings = Settings(home=tmp_path, port_offset=0, kafka="127.0.0.1:9")
    path = tmp_path / "streamed.yaml"
    path.write_text("{base: small, name: streamed, policies: {surge: streamed}}")
    arguments = ["run", str(path), "--until", "1m", "--out", str(tmp_path / "out")]
    with pytest.raises(SimError, match=r"policies\.surge is streamed, and Kafka at 127"):
        run_once(settings, parse_arguments(arguments))
