"""A stack for what looks after the lake: Kafka, Flink, catalog and Trino."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from filelock import FileLock

from contracts.domain import RATINGS
from deploy.local import dbt
from deploy.local.lake import connect
from deploy.local.layout import Layout
from deploy.local.sql_command import run_statement
from tests.conftest import StackFactory
from tests.integration.lake.bronze import BronzeWriter
from tests.integration.lake.records import Record, city
from tests.integration.lake.surroundings import surroundings
from tests.stack_control import ROOT, TestStack
from tests.waiting import eventually

MALFORMED = 400
WAITS = "another dbt is at work on this stack"


@pytest.fixture(scope="session")
def lake_stack(_stacks: StackFactory) -> Iterator[TestStack]:
    """Return a running catalog and Trino that the modules of this folder share.

    Not the stack of all tests: what is counted here nobody else may write.
    """
    stack = _stacks(FAROL_CHECKPOINT_INTERVAL_S="1")
    stack.up("catalog", "trino")
    yield stack
    stack.down()


@pytest.fixture(scope="session")
def layout(lake_stack: TestStack) -> Layout:
    """Return where the stack's things are."""
    return Layout.from_environment(lake_stack.env)


@dataclass(frozen=True, slots=True)
class BuiltLake:
    """A small city in Bronze, and Silver and Gold made of it by Airflow.

    Attributes:
        stack: Where it is.
        layout: The same, for the code of `deploy`.
        writer: Has written Bronze, and remembers the records with their offsets.
        by_airflow: What `airflow dags test` printed, and its exit code.
        built_meanwhile: Tables of Silver while somebody else held the lock.
    """

    stack: TestStack
    layout: Layout
    writer: BronzeWriter
    by_airflow: subprocess.CompletedProcess[str]
    built_meanwhile: list[tuple[str, ...]]

    def rows_of(self, statement: str) -> list[list[Any]]:
        """Return what Trino answers."""
        return run_statement(self.layout, statement)[1]


@pytest.fixture(scope="session")
def built_lake(lake_stack: TestStack, layout: Layout) -> BuiltLake:
    """Return a lake that Airflow has built, after somebody else had dbt's lock."""
    environments = ROOT / "deploy" / "setup" / "environments.sh"
    subprocess.run([str(environments), "--airflow"], check=True, timeout=600)
    lake_stack.up("catalog", "trino")
    catalog = connect(lake_stack.url("catalog"))
    for namespace in ("bronze", "silver", "gold"):
        for identifier in catalog.list_tables(namespace):
            catalog.drop_table(identifier)
    lake_stack.run("lake", "init")
    writer = BronzeWriter(catalog)
    run = city(7, trips=120)
    surroundings(run, 7, trips=120)
    records = run.records
    writer.append(records + records[:40])
    # between the thresholds of what may be malformed among what Silver leaves out
    writer.append(Record(RATINGS.name, 0, b"key", b"no json") for _ in range(MALFORMED))
    dbt.folder(layout).mkdir(parents=True, exist_ok=True)
    log = lake_stack.home / "airflow.log"
    words = (str(ROOT / "farol"), "airflow", "dags", "test", "farol_lakehouse")
    with log.open("w", encoding="utf-8") as output:
        with FileLock(dbt.folder(layout) / "build.lock"):
            airflow = subprocess.Popen(
                words, env=lake_stack.env, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )
            eventually(lambda: WAITS in log.read_text(encoding="utf-8"), "Airflow's build waits")
            meanwhile = catalog.list_tables("silver")
        exit_code = airflow.wait(700)
    printed = log.read_text(encoding="utf-8")
    by_airflow = subprocess.CompletedProcess(words, exit_code, printed)
    return BuiltLake(lake_stack, layout, writer, by_airflow, meanwhile)
