import pytest

from contracts.ports import DEFAULT_PORTS
from flink_jobs.runtime.settings import Option, SettingsError, parse

OPTIONS = (Option("lateness-ms", 15_000, "how late, in ms", minimum=1),)


def test_addresses_come_from_the_port_table_and_the_offset() -> None:
    settings = parse("job", [], {"FAROL_PORT_OFFSET": "3000"})
    assert settings.bootstrap_servers == f"127.0.0.1:{DEFAULT_PORTS['kafka'] + 3000}"
    assert settings.catalog_uri == f"http://127.0.0.1:{DEFAULT_PORTS['catalog'] + 3000}"
    assert settings.group_id == "farol-job"
    assert (settings.parallelism, settings.is_bounded) == (1, False)


def test_arguments_win_over_the_environment() -> None:
    arguments = "--bootstrap-servers k:1 --parallelism 2 --bounded --checkpoint-interval-ms 500"
    settings = parse("job", arguments.split(), {"FAROL_CHECKPOINT_INTERVAL_S": "7"})
    assert settings.bootstrap_servers == "k:1"
    assert settings.checkpoint_interval_ms == 500
    assert (settings.parallelism, settings.is_bounded) == (2, True)


def test_the_checkpoint_interval_of_the_stack_is_taken() -> None:
    assert parse("job", [], {"FAROL_CHECKPOINT_INTERVAL_S": "7"}).checkpoint_interval_ms == 7000
    assert parse("job", [], {}).checkpoint_interval_ms == 30_000


def test_own_options_have_defaults_and_take_values() -> None:
    assert parse("job", [], {}, OPTIONS).options == {"lateness-ms": 15_000}
    assert parse("job", ["--lateness-ms", "3"], {}, OPTIONS).options == {"lateness-ms": 3}


def test_flink_settings_may_hold_an_equals_sign() -> None:
    settings = parse("job", ["--set", "a.b=c=d", "--set", "e=f"], {})
    assert settings.flink == {"a.b": "c=d", "e": "f"}


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        (["--paralelism", "2"], {}, "--paralelism"),
        (["--parallel", "2"], {}, "--parallel"),
        (["--parallelism", "0"], {}, "at least 1"),
        (["--parallelism", "two"], {}, "'two'"),
        (["--parallelism"], {}, "--parallelism"),
        (["--set", "no-value"], {}, "KEY=VALUE"),
        (["--lateness-ms", "0"], {}, "at least 1"),
        (["--bootstrap-servers", "k:1' , 'x' = 'y"], {}, "quotation mark"),
        (["--group-id", " "], {}, "empty"),
        ([], {"FAROL_PORT_OFFSET": "many"}, "FAROL_PORT_OFFSET='many'"),
        ([], {"FAROL_PORT_OFFSET": "70000"}, "FAROL_PORT_OFFSET='70000'"),
        ([], {"FAROL_CHECKPOINT_INTERVAL_S": "30s"}, "FAROL_CHECKPOINT_INTERVAL_S='30s'"),
        ([], {"FAROL_CHECKPOINT_INTERVAL_S": "0"}, "FAROL_CHECKPOINT_INTERVAL_S='0'"),
    ],
)
def test_what_cannot_be_used_is_named(
    arguments: list[str], environ: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        parse("job", arguments, environ, OPTIONS)
    assert says in str(caught.value)
