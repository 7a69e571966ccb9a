import pytest

from contracts.ports import DEFAULT_PORTS
from flink_jobs.feeder.settings import FeederSettingsError, parse


def test_addresses_come_from_the_port_table_and_the_offset() -> None:
    settings = parse([], {"FAROL_PORT_OFFSET": "100"})
    assert settings.bootstrap_servers == f"127.0.0.1:{DEFAULT_PORTS['kafka'] + 100}"
    assert settings.redis_url == f"redis://127.0.0.1:{DEFAULT_PORTS['redis'] + 100}/0"
    assert settings.metrics_port == DEFAULT_PORTS["feeder"] + 100


def test_arguments_win() -> None:
    settings = parse(["--frame-ms", "20", "--window-ttl-s", "60", "--group-id", "g"], {})
    assert (settings.frame_ms, settings.window_ttl_s, settings.group_id) == (20, 60, "g")


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        (["--frame-ms", "101"], {}, "--frame-ms 101 lies outside 1 to 100"),
        (["--frame-ms", "x"], {}, "--frame-ms"),
        (["--frames", "1"], {}, "--frames"),
        (["--window-ttl-s", "0"], {}, "--window-ttl-s 0"),
        ([], {"FAROL_PORT_OFFSET": "x"}, "FAROL_PORT_OFFSET='x'"),
        ([], {"FAROL_PORT_OFFSET": "-9999"}, "FAROL_PORT_OFFSET='-9999'"),
    ],
)
def test_what_cannot_be_used_is_named(
    arguments: list[str], environ: dict[str, str], says: str
) -> None:
    with pytest.raises(FeederSettingsError) as caught:
        parse(arguments, environ)
    assert says in str(caught.value)


def test_the_database_comes_from_the_environment_and_its_password_is_never_shown() -> None:
    url = "postgresql://farol:secret@db.example/trips"
    settings = parse([], {"FAROL_POSTGRES_URL": url})
    assert settings.postgres_url == url
    assert "secret" not in repr(settings)
    assert parse([], {}).postgres_url == ""
    with pytest.raises(FeederSettingsError, match="is no address of a database") as problem:
        parse([], {"FAROL_POSTGRES_URL": "mysql://farol:secret@db.example/trips"})
    assert "secret" not in str(problem.value)
