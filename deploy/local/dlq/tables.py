"""The DLQ tables, through PyIceberg: no Trino and no Flink has to run, the catalog alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, RESTError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo, Or, Reference
from pyiceberg.expressions.literals import literal

from contracts.domain import INPUT_TOPICS, Topic, input_topic
from deploy.local.lake import LakeError, connect

_COUNTED: Final = ("error_message", "_kafka_timestamp", "_ingested_at")
_READ: Final = (
    *("_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_kafka_key", "_kafka_headers"),
    *("_raw_value", "_ingested_at", "error_message"),
)


class DlqError(Exception):
    """What was asked of the DLQ cannot be done; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DlqRecord:
    """One malformed record, byte for byte."""

    topic: str
    partition: int
    offset: int
    reason: str
    key: bytes | None
    value: bytes | None
    sent_at: datetime
    ingested_at: datetime
    headers: Mapping[str, bytes | None] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Return where it lies, as topic/partition/offset."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many records of a topic are malformed for one reason, and when they were sent."""

    topic: str
    reason: str
    records: int
    first_at: datetime
    last_at: datetime


def topic_named(name: str) -> Topic:
    """Return the input topic of this name.

    Raises:
        DlqError: There is none; the message lists those there are.
    """
    try:
        return input_topic(name)
    except KeyError as error:
        raise DlqError(str(error.args[0])) from None


class DlqTables:
    """Reads the DLQ tables of one catalog.

    Raises:
        DlqError: No catalog answers.
    """

    def __init__(self, uri: str) -> None:
        try:
            self._catalog: Catalog = connect(uri)
        except LakeError as error:
            raise DlqError(str(error)) from error

    def counts(self, topics: tuple[Topic, ...] = INPUT_TOPICS) -> list[ReasonCount]:
        """Return the counts by topic and reason, most frequent first within a topic.

        Raises:
            DlqError: A table cannot be read.
        """
        found = []
        for topic in topics:
            batches = list(self._batches(topic, _COUNTED, AlwaysTrue()))
            if not batches:
                continue
            grouped = (
                pa.Table.from_batches(batches)
                .group_by("error_message")
                .aggregate(
                    [([], "count_all"), ("_kafka_timestamp", "min"), ("_kafka_timestamp", "max")]
                )
            )
            rows = [
                ReasonCount(
                    topic.name,
                    str(row["error_message"]),
                    int(row["count_all"]),
                    row["_kafka_timestamp_min"],
                    row["_kafka_timestamp_max"],
                )
                for row in grouped.to_pylist()
            ]
            found += sorted(rows, key=lambda row: (-row.records, row.reason))
        return found

    def records(self, topic: Topic, reason: str | None = None) -> Iterator[DlqRecord]:
        """Yield the malformed records of a topic.

        Args:
            topic: The input topic.
            reason: Only those of this reason, with its path (`missing_field:trip_id`) or without.

        Raises:
            DlqError: The table cannot be read.
        """
        condition: BooleanExpression = AlwaysTrue()
        if reason is not None:
            condition = Or(_equals("error_message", reason), _equals("error_type", reason))
        for batch in self._batches(topic, _READ, condition):
            for row in batch.to_pylist():
                yield _record(topic, row)

    def _batches(
        self, topic: Topic, columns: tuple[str, ...], condition: BooleanExpression
    ) -> Iterator[pa.RecordBatch]:
        try:
            table = self._catalog.load_table(topic.dlq_table)
            yield from table.scan(
                row_filter=condition, selected_fields=columns
            ).to_arrow_batch_reader()
        except NoSuchTableError as error:
            raise DlqError(f"there is no table {topic.dlq_table}: farol lake init") from error
        except (OSError, RESTError, pa.ArrowException) as error:
            raise DlqError(f"table {topic.dlq_table} cannot be read ({error})") from error


def _equals(column: str, value: str) -> BooleanExpression:
    return EqualTo(term=Reference(column), value=literal(value))


def _record(topic: Topic, row: dict[str, Any]) -> DlqRecord:
    return DlqRecord(
        topic=topic.name,
        partition=row["_kafka_partition"],
        offset=row["_kafka_offset"],
        reason=row["error_message"],
        key=row["_kafka_key"],
        value=row["_raw_value"],
        sent_at=row["_kafka_timestamp"],
        ingested_at=row["_ingested_at"],
        headers=dict(row["_kafka_headers"] or {}),
    )
