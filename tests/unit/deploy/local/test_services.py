import pytest

from contracts.ports import DEFAULT_PORTS
from deploy.local.layout import Layout
from deploy.local.services import UnknownServiceError, services, with_dependencies


@pytest.fixture
def table(tmp_path):
    return services(Layout.from_environment({"FAROL_HOME": str(tmp_path)}))


def test_dependencies_come_first(table):
    seen: set[str] = set()
    for service in table:
        assert seen.issuperset(service.depends_on), service.name
        seen.add(service.name)


def test_every_port_of_the_contracts_belongs_to_one_service(table):
    used = [name for service in table for name in service.ports]

    assert len(used) == len(set(used))
    # the monitoring profile is not part of this stack yet
    monitoring = {"prometheus", "grafana"}
    by_commands = {"docs", "airflow"}
    assert set(used) == set(DEFAULT_PORTS) - monitoring - by_commands


def test_naming_a_service_brings_what_it_needs(table):
    names = [s.name for s in with_dependencies(table, ["feeder", "taskmanager"])]

    assert names == ["kafka", "redis", "jobmanager", "taskmanager", "feeder"]


def test_an_unknown_name_lists_the_known_ones(table):
    with pytest.raises(UnknownServiceError, match=r"'kafak'.*kafka, redis"):
        with_dependencies(table, ["kafak"])


def test_every_service_has_time_to_stop_and_a_size(table):
    assert all(service.grace_s >= 10 and service.memory_mb > 0 for service in table)


def test_trino_gets_the_heap_it_is_given(tmp_path):
    given = {"FAROL_HOME": str(tmp_path), "FAROL_TRINO_HEAP_MIB": "8192"}
    (trino,) = (s for s in services(Layout.from_environment(given)) if s.name == "trino")
    assert "-Xmx8192M" in trino.command
    assert trino.memory_mb > 7000
