"""What the benchmarks share: the machine's line, a city on the topics, timed bounded jobs."""

import platform
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from confluent_kafka import Consumer, TopicPartition

from contracts.domain import PARTITIONS
from sim.control import scenarios
from sim.publishing.kafka import KafkaPort
from sim.publishing.run import Run, new_run_id
from tests.stack_control import ROOT, TestStack

JAR = "farol_python_jobs.jar"
_ENDED = ("FINISHED", "FAILED", "CANCELED")
_CHUNK_MS = 60_000


def say(line: str = "") -> None:
    """Print one line of a benchmark's report at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def machine() -> str:
    """Return processor, cores, memory, load and commit: figures mean nothing without them."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - the git of whoever runs it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    gib = psutil.virtual_memory().total / 2**30
    load = psutil.getloadavg()[0]
    return f"{model}, {psutil.cpu_count()} cores, {gib:.0f} GiB, load {load:.1f}, commit {commit}"


def send_city(bootstrap: str, records: int, scenario: str = "demo") -> int:
    """Put a whole run of a simulated city on the topics; return how many records it has.

    Args:
        bootstrap: The broker.
        records: The city is ended once it has sent so many.
        scenario: Name of the scenario; its faults are published too.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = Run(scenarios.named(scenario), new_run_id(), KafkaPort(bootstrap), Path(folder))
        while sum(run.publisher.produced.values()) < records:
            run.advance(run.now_ms + _CHUNK_MS)
        run.end()
        return sum(run.publisher.produced.values())


def records_on(bootstrap: str, topics: tuple[str, ...]) -> int:
    """Return how many records topics hold."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"look-{uuid.uuid4()}"})
    try:
        total = 0
        for topic in topics:
            for partition in range(PARTITIONS):
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
                total += high - low
        return total
    finally:
        consumer.close()


def cpu_s(pid: int) -> float:
    """Return CPU seconds of a process and its children, ended ones included."""
    root = psutil.Process(pid)
    total = 0.0
    for each in (root, *root.children(recursive=True)):
        times = each.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mib(pid: int) -> dict[str, int]:
    """Return the resident memory of a process and of its children, in MiB."""
    root = psutil.Process(pid)
    children = root.children(recursive=True)
    mib = 2**20
    return {
        "process": root.memory_info().rss // mib,
        "children": sum(child.memory_info().rss for child in children) // mib,
    }


@dataclass(frozen=True, slots=True)
class Timing:
    """A job that read a backlog to its end.

    Attributes:
        records: What it read.
        seconds: Wall time from all tasks running to the end of the job.
        cpu_s: Of the TaskManager and its Python workers.
        memory: Resident MiB of TaskManager and Python workers, when it had just ended.
    """

    records: int
    seconds: float
    cpu_s: float
    memory: dict[str, int]

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds

    @property
    def cpu_s_per_million(self) -> float:
        """CPU seconds per million records."""
        return self.cpu_s / self.records * 1e6


def run_bounded(stack: TestStack, module: str, topics: tuple[str, ...], *arguments: str) -> Timing:
    """Run a job over everything its topics hold and return what it took.

    Raises:
        RuntimeError: The job did not finish.
    """
    flink = stack.url("flink")
    pid = int(stack.status()["taskmanager"]["pid"])
    words = ["-pym", module, "--bounded", "--group-id", f"bench-{uuid.uuid4()}", *arguments]
    used = cpu_s(pid)
    answer = httpx.post(f"{flink}/jars/{JAR}/run", json={"programArgsList": words}, timeout=300)
    answer.raise_for_status()
    job = str(answer.json()["jobid"])
    memory = memory_mib(pid)
    while True:
        found = httpx.get(f"{flink}/jobs/{job}", timeout=60).json()
        if found["state"] in _ENDED:
            break
        memory = memory_mib(pid)
        time.sleep(0.5)
    if found["state"] != "FINISHED":
        raise RuntimeError(f"{module} is {found['state']}: see the log of the JobManager")
    running = _running_since_ms(f"{flink}/jobs/{job}", found["vertices"])
    return Timing(
        records=records_on(stack.kafka, topics),
        seconds=(found["end-time"] - running) / 1000,
        cpu_s=cpu_s(pid) - used,
        memory=memory,
    )


def _running_since_ms(job: str, vertices: list[dict[str, str]]) -> int:
    """Return when the last task was ready: Python workers take seconds to come up."""
    answers = [httpx.get(f"{job}/vertices/{each['id']}/subtasktimes").json() for each in vertices]
    return max(task["timestamps"]["RUNNING"] for each in answers for task in each["subtasks"])
