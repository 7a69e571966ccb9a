import subprocess
import sys
from pathlib import Path

import pytest

from sim.domain.errors import SimError
from sim.main import duration_ms, read_settings

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "atlantis", "--until", "1m"], "known are carnival_night, demo"),
        (["--config", "small", "--until", "soon"], "is no duration"),
        (["--config", "missing.yaml", "--until", "1m"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line_without_a_trace(tmp_path, arguments, message):
    done = subprocess.run(
        [sys.executable, "-m", "sim.main", "run", *arguments, "--out", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
