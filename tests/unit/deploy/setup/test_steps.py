import pytest

from deploy.setup.steps import SetupError, Step, fingerprint_of, read_stamps, run_due


@pytest.fixture
def made(tmp_path):
    """Run one step whose result is a file; returns which steps ran."""

    def run(fingerprint, *, makes=True):
        result = tmp_path / "result"

        def make():
            if makes:
                result.write_text(fingerprint)

        return run_due([Step("one", fingerprint, (result,), make)], tmp_path / "tools", print)

    return run


def test_a_step_runs_once_for_the_same_inputs(made):
    assert made("a") == ["one"]
    assert made("a") == []


def test_a_step_runs_again_when_its_inputs_changed(made):
    made("a")

    assert made("b") == ["one"]


def test_a_step_runs_again_when_its_result_vanished(made, tmp_path):
    made("a")
    (tmp_path / "result").unlink()

    assert made("a") == ["one"]


def test_a_step_that_makes_nothing_is_an_error_and_stays_due(made, tmp_path):
    with pytest.raises(SetupError, match="'one' did not make"):
        made("a", makes=False)

    assert read_stamps(tmp_path / "tools") == {}
    assert made("a") == ["one"]


def test_a_damaged_stamp_file_means_that_all_is_due(made, tmp_path):
    made("a")
    (tmp_path / "tools" / "stamps.json").write_text("{")

    assert made("a") == ["one"]


def test_fingerprints_tell_inputs_apart(tmp_path):
    file = tmp_path / "f"
    file.write_text("ab")

    assert fingerprint_of("a", "b") != fingerprint_of("ab")
    assert fingerprint_of(file) == fingerprint_of("ab")
