import shlex
from dataclasses import replace

import pytest
from supervisor.options import ServerOptions

from deploy.local.layout import Layout
from deploy.local.services import services
from deploy.local.supervision import (
    Exits,
    exits,
    log_path,
    render_configuration,
    socket_path,
)


@pytest.fixture
def layout(tmp_path):
    return Layout.from_environment({"FAROL_HOME": str(tmp_path / "home")})


def test_the_supervisor_reads_back_what_the_table_says(layout, tmp_path):
    table = services(layout)
    layout.logs.mkdir(parents=True)
    (layout.home / "run").mkdir()
    config = tmp_path / "supervisord.conf"
    table = (replace(table[0], environment={"SOME": "10 %, a=b; c"}), *table[1:])
    config.write_text(render_configuration(layout, table))

    options = ServerOptions()
    options.realize(["-c", str(config)])
    programs = {g.name: g.process_configs[0] for g in options.process_group_configs}

    assert list(programs) == sorted(service.name for service in table)
    for service in table:
        program = programs[service.name]
        assert program.environment["FAROL_SERVICE"] == service.name
        for name, value in service.environment.items():
            assert program.environment[name] == value
        assert shlex.split(program.command) == list(service.command)
        assert program.stopwaitsecs == service.grace_s
        assert program.autostart is False
        assert program.autorestart is not False
        assert str(layout.home) in program.stdout_logfile


def test_the_socket_has_a_short_path_even_in_a_long_home(tmp_path):
    deep = Layout.from_environment({"FAROL_HOME": str(tmp_path / ("x" * 120))})
    other = Layout.from_environment({"FAROL_HOME": str(tmp_path / ("y" * 120))})

    assert len(str(socket_path(deep))) <= 90
    assert socket_path(deep) == socket_path(deep)
    assert socket_path(deep) != socket_path(other)


def test_exits_are_counted_from_the_log(layout):
    layout.logs.mkdir(parents=True)
    log_path(layout).write_text(
        "2026-11-21 12:30:25,990 WARN exited: redis (terminated by SIGKILL; not expected)\n"
        "2026-11-21 12:30:26,089 INFO spawned: 'redis' with pid 13199\n"
        "2026-11-21 12:35:22,320 WARN stopped: kafka (exit status 143)\n"
        "2026-11-21 12:40:25,990 WARN exited: redis (exit status 1; not expected)\n"
    )

    assert exits(layout) == {
        "redis": Exits(2, "exit status 1; not expected at 2026-11-21 12:40:25")
    }


def test_without_a_log_nothing_died(layout):
    assert exits(layout) == {}
