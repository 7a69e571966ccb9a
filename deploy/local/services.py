"""The processes of the local stack as one table: command, probe, order, stop rule, port.

A test compares this table with the other ways to deploy. What a process is configured with is in
`deploy/config`; how it is asked whether it is ready is in `probes`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Final

from deploy.local import probes
from deploy.local.layout import Layout
from deploy.local.render import TASK_SLOTS
from deploy.local.topics import ensure_topics

MARKER: Final = "FAROL_SERVICE"


class UnknownServiceError(Exception):
    """A name on the command line is no service."""


@dataclass(frozen=True, slots=True)
class Service:
    """One supervised process.

    Attributes:
        name: Name on the command line and in the logs.
        command: Program and arguments.
        probe: Raises `probes.NotReadyError` until the service gives a real answer.
        ports: Names in `contracts.ports` on which it listens; the first is the one users see.
        depends_on: Services that must be ready before this one starts.
        environment: Variables added to those every service gets.
        stop_signal: What asks it to stop.
        grace_s: Seconds it is given to stop before it is killed.
        memory_mb: What it is expected to use, for the check before the start.
        module: Python module that must exist for the service to be started.
        is_http: Whether the first port is worth showing as an address.
        prepare: Done once the service answers and before anything that depends on it starts;
            repeatable.
    """

    name: str
    command: tuple[str, ...]
    probe: Callable[[Layout], None]
    ports: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    grace_s: int = 15
    memory_mb: int = 100
    module: str = ""
    is_http: bool = True
    prepare: Callable[[Layout], object] | None = None

    def is_installed(self, layout: Layout) -> bool:
        """Return whether the code of the service is there."""
        if not self.module:
            return True
        path = layout.repository.joinpath(*self.module.split("."))
        return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def _make_topics(layout: Layout) -> None:
    """Create the topics of the contracts that do not exist yet."""
    ensure_topics(layout)


def _make_tables(layout: Layout) -> None:
    """Create the Iceberg tables of the contracts that do not exist yet."""
    # seconds of imports, needed here alone
    from deploy.local import lake

    lake.initialise(lake.connect(layout.url("catalog")))


def _java(layout: Layout, environment: str) -> str:
    return str(layout.java_home(environment) / "bin" / "java")


def _kafka(layout: Layout) -> Service:
    config = layout.config / "kafka"
    return Service(
        name="kafka",
        command=(
            *(_java(layout, "app"), "-Xms256m", "-Xmx512m", "-XX:+UseG1GC"),
            *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
            f"-Dlog4j2.configurationFile={config / 'log4j2.properties'}",
            *("-cp", f"{layout.tools / 'kafka' / 'lib'}/*", "kafka.Kafka"),
            str(config / "server.properties"),
        ),
        probe=probes.kafka,
        prepare=_make_topics,
        ports=("kafka", "kafka_controller"),
        grace_s=30,
        memory_mb=550,
        is_http=False,
    )


def _redis(layout: Layout) -> Service:
    return Service(
        name="redis",
        command=(
            str(layout.tools / "bin" / "redis-server"),
            str(layout.config / "redis" / "redis.conf"),
        ),
        probe=probes.redis,
        ports=("redis",),
        memory_mb=60,
        is_http=False,
    )


def _catalog(layout: Layout) -> Service:
    return Service(
        name="catalog",
        command=(
            *(_java(layout, "app"), "-Xmx256m"),
            *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            # otherwise it wants a document type, which would name a host
            "-Dorg.eclipse.jetty.xml.XmlParser.Validating=false",
            *("-cp", f"{layout.tools / 'catalog' / 'lib'}/*"),
            "org.eclipse.jetty.xml.XmlConfiguration",
            str(layout.config / "catalog" / "catalog.xml"),
        ),
        probe=probes.catalog,
        prepare=_make_tables,
        ports=("catalog",),
        memory_mb=170,
    )


def _flink_environment(layout: Layout) -> dict[str, str]:
    return {
        "JAVA_HOME": str(layout.java_home("flink")),
        "FLINK_HOME": str(layout.tools / "flink-home"),
        "FLINK_CONF_DIR": str(layout.config / "flink"),
        "FLINK_LOG_DIR": str(layout.logs / "flink"),
        "FLINK_PID_DIR": str(layout.home / "flink" / "pid"),
        # jobs import contracts and flink_jobs, in the client and in the workers
        "PYTHONPATH": str(layout.repository),
    }


def _flink_process(layout: Layout, role: str) -> tuple[str, ...]:
    return (
        *(str(layout.tools / "flink-home" / "bin" / f"{role}.sh"), "start-foreground"),
        *("-D", f"metrics.reporter.prom.port={layout.port(f'flink_{role}_metrics')}"),
        *("-D", f"metrics.internal.query-service.port={layout.port(f'flink_{role}_query')}"),
    )


def _jobmanager(layout: Layout) -> Service:
    return Service(
        name="jobmanager",
        command=_flink_process(layout, "jobmanager"),
        probe=probes.jobmanager,
        ports=(
            *("flink", "flink_jobmanager_rpc", "flink_blob"),
            *("flink_jobmanager_metrics", "flink_jobmanager_query"),
        ),
        environment=_flink_environment(layout),
        memory_mb=1000,
    )


def _taskmanager(layout: Layout) -> Service:
    return Service(
        name="taskmanager",
        command=_flink_process(layout, "taskmanager"),
        probe=lambda where: probes.taskmanager(where, TASK_SLOTS),
        ports=(
            *("flink_taskmanager_rpc", "flink_taskmanager_data"),
            *("flink_taskmanager_metrics", "flink_taskmanager_query"),
        ),
        depends_on=("jobmanager",),
        environment=_flink_environment(layout),
        memory_mb=2200,
        is_http=False,
    )


def _trino(layout: Layout) -> Service:
    etc, home = layout.config / "trino", layout.tools / "trino"
    template = (layout.repository / "deploy/config/trino/jvm.config").read_text(encoding="utf-8")
    options = Template(template).substitute(heap_mib=layout.trino_heap_mib)
    return Service(
        name="trino",
        command=(
            *(_java(layout, "app"), *options.split()),
            *("-Dnode.environment=farol", "-Dnode.id=farol-1"),
            f"-Dnode.data-dir={layout.home / 'trino'}",
            f"-Dconfig={etc / 'config.properties'}",
            f"-Dlog.levels-file={etc / 'log.properties'}",
            f"-Dcatalog.config-dir={etc / 'catalog'}",
            f"-Dplugin.dir={home / 'plugin'}",
            *("-cp", f"{home / 'lib'}/*", "io.trino.server.TrinoServer"),
        ),
        probe=probes.trino,
        ports=("trino",),
        depends_on=("catalog",),
        grace_s=20,
        memory_mb=layout.trino_heap_mib * 9 // 10,
    )


def _python_service(
    layout: Layout,
    name: str,
    *,
    module: str,
    depends_on: tuple[str, ...],
    probe: Callable[[Layout], None],
    arguments: tuple[str, ...] = (),
    environment: str = "app",
    memory_mb: int = 150,
) -> Service:
    return Service(
        name=name,
        command=(str(layout.python(environment)), "-P", "-u", "-m", module, *arguments),
        probe=probe,
        ports=(name,),
        depends_on=depends_on,
        environment={"PYTHONPATH": str(layout.repository)},
        memory_mb=memory_mb,
        module=module,
    )


def services(layout: Layout) -> tuple[Service, ...]:
    """Return all services in the order in which they are shown and, dependencies first, started."""
    return (
        _kafka(layout),
        _redis(layout),
        _catalog(layout),
        _jobmanager(layout),
        _taskmanager(layout),
        _python_service(
            layout,
            "feeder",
            module="flink_jobs.feeder.main",
            depends_on=("kafka", "redis"),
            probe=probes.http("feeder", "/metrics"),
            environment="flink",
        ),
        _python_service(
            layout,
            "keeper",
            module="deploy.local.keeper",
            depends_on=("jobmanager",),
            probe=probes.http("keeper", "/metrics"),
        ),
        _trino(layout),
        _python_service(
            layout,
            "api",
            module="api.main",
            depends_on=("redis",),
            probe=probes.http("api", "/readyz"),
        ),
        _python_service(
            layout,
            "sim",
            module="sim.main",
            arguments=("serve",),
            depends_on=("kafka",),
            probe=probes.http("sim", "/healthz"),
            memory_mb=400,
        ),
    )


def with_dependencies(table: Iterable[Service], names: Iterable[str]) -> tuple[Service, ...]:
    """Return the named services and all they depend on, in the order of the table.

    Raises:
        UnknownServiceError: A name is no service.
    """
    by_name = {service.name: service for service in table}
    wanted: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in by_name:
            raise UnknownServiceError(
                f"there is no service {name!r}; services are: {', '.join(by_name)}"
            )
        if name not in wanted:
            wanted.add(name)
            pending += by_name[name].depends_on
    return tuple(service for service in by_name.values() if service.name in wanted)
