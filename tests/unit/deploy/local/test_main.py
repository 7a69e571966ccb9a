import pytest
from typer.testing import CliRunner

from deploy.local.main import COMMANDS, Command, _is_present, _loaded, build


def test_every_command_is_there_with_its_errors():
    for command in COMMANDS:
        assert _is_present(command.target), command.name
        assert callable(_loaded(command.target))
        for error in command.errors:
            assert issubclass(_loaded(error), Exception), error


def test_names_are_unique():
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


def test_the_list_of_commands_imports_none_of_them():
    broken = Command("broken", "deploy.local.layout:does_not_exist", "Never loaded.")

    result = CliRunner().invoke(build(["--help"], [broken]), ["--help"])

    assert result.exit_code == 0
    assert "broken" in result.stdout
    with pytest.raises(AttributeError):
        build(["broken"], [broken])
