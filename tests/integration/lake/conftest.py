"""A stack of catalog and Trino for this folder, with what its tests do to it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import trino
from pyiceberg.catalog import Catalog

from deploy.local import lake as lake_tables
from tests.conftest import StackFactory
from tests.stack_control import TestStack


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer of Trino, and how many rows of tables it has read for it."""

    rows: list[list[Any]]
    columns: list[str]
    rows_read: int


@dataclass(frozen=True, slots=True)
class Lake:
    """A running catalog and Trino."""

    stack: TestStack
    catalog: Catalog

    def dbt(self, *arguments: str) -> str:
        """Run dbt through `farol`; a failure fails the test with its output."""
        return self.stack.run("dbt", *arguments, timeout_s=1200).stdout

    def compiled(self, jinja: str) -> str:
        """Return what dbt makes of a piece of SQL."""
        printed = self.dbt("compile", "--quiet", "--output", "json", "--inline", jinja)
        text: str = json.loads(printed[printed.index("{") :])["compiled"]
        return text

    def asked(self, sql: str, values: Sequence[object] = ()) -> Asked:
        """Return the answer to a statement with `?` for each value."""
        connection: Any = trino.dbapi.connect(  # type: ignore[no-untyped-call]
            host="127.0.0.1", port=self.stack.port("trino"), user="test", catalog="lake"
        )
        try:
            cursor = connection.cursor()
            cursor.execute(sql, list(values) or None)
            found = cursor.fetchall()
            columns = [column[0] for column in cursor.description or ()]
            return Asked(found, columns, int(cursor.stats["processedRows"]))
        finally:
            connection.close()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query by column."""
        answer = self.asked(sql)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

    def reset(self) -> None:
        """Empty the lake: drop every table and create those of the contracts."""
        for namespace in ("bronze", "silver", "gold"):
            for identifier in self.catalog.list_tables(namespace):
                self.catalog.drop_table(identifier)
        self.stack.run("lake", "init")


@pytest.fixture(scope="session")
def _lake(_stacks: StackFactory) -> Iterator[Lake]:
    """Return a running catalog and Trino that the modules of this folder share."""
    stack = _stacks()
    stack.up("catalog", "trino")
    yield Lake(stack, lake_tables.connect(stack.url("catalog")))
    stack.down()


@pytest.fixture(scope="module")
def lake(_lake: Lake) -> Lake:
    """Return a lake with the tables of the contracts, all empty."""
    _lake.reset()
    return _lake
