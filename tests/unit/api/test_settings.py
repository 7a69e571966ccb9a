"""Settings: defaults, and clear refusals."""

import pytest

from api.settings import Settings, SettingsError, is_loopback
from contracts.ports import DEFAULT_PORTS


def test_defaults_point_at_the_local_stack() -> None:
    settings = Settings.from_environment({})
    assert (settings.host, settings.port) == ("127.0.0.1", DEFAULT_PORTS["api"])
    assert settings.redis_url == f"redis://127.0.0.1:{DEFAULT_PORTS['redis']}/0"
    assert settings.local_session
    assert settings.key_file.parts[-2:] == ("secrets", "api_key")


def test_offset_moves_every_address() -> None:
    settings = Settings.from_environment({"FAROL_PORT_OFFSET": "1000"})
    assert settings.port == DEFAULT_PORTS["api"] + 1000
    assert str(DEFAULT_PORTS["redis"] + 1000) in settings.redis_url
    assert str(DEFAULT_PORTS["trino"] + 1000) in settings.trino_url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FAROL_PORT_OFFSET", "many"),
        ("FAROL_PORT_OFFSET", "65000"),
        ("FAROL_API_MAX_CLIENTS", "0"),
        ("FAROL_API_FLUSH_INTERVAL_MS", "5"),
        ("FAROL_API_LOCAL_SESSION", "yes"),
        ("FAROL_API_TILE_URL", "tiles.example"),
        ("FAROL_API_MAX_CLIENT", "10"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}|65000"):
        Settings.from_environment({name: value})


def test_no_local_session_when_others_can_reach_the_api() -> None:
    assert not Settings.from_environment({"FAROL_API_HOST": "0.0.0.0"}).local_session  # noqa: S104
    assert not Settings.from_environment({"FAROL_API_LOCAL_SESSION": "0"}).local_session


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
