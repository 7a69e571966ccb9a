from pathlib import Path

import pytest

from deploy.local.layout import Layout, LayoutError


def test_everything_moves_with_home_and_offset(tmp_path):
    layout = Layout.from_environment(
        {"FAROL_HOME": str(tmp_path), "FAROL_PORT_OFFSET": "1000", "FAROL_CACHE": "/c"}
    )

    assert layout.port("kafka") == 10092
    assert layout.url("api") == "http://127.0.0.1:9000"
    assert layout.logs == tmp_path / "logs"
    assert layout.cache == Path("/c")


def test_without_variables_the_state_is_in_the_clone():
    layout = Layout.from_environment({})

    assert layout.home == layout.repository / ".farol" / "state"
    assert layout.port_offset == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FAROL_PORT_OFFSET", "many"),
        ("FAROL_PORT_OFFSET", "60000"),
        ("FAROL_PORT_OFFSET", "-6400"),
        ("FAROL_CHECKPOINT_INTERVAL_S", "0"),
        ("FAROL_CHECKPOINT_INTERVAL_S", "soon"),
        ("FAROL_TRINO_HEAP_MIB", "64"),
        ("FAROL_HOME", "/tmp/my home"),
        ("FAROL_HOME", "/tmp/100%"),
    ],
)
def test_a_bad_value_names_its_variable(variable, value):
    with pytest.raises(LayoutError, match=variable):
        Layout.from_environment({variable: value})
