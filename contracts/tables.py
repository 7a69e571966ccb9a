"""Iceberg tables that exist before any job runs: Bronze, its DLQ, and the results that jobs keep.

Field ids are the position in the list plus one and never change: a new column is added at the end.
Types are limited to what Flink 2.1, PyIceberg and Trino 476 share. Silver and Gold belong to dbt
and are not listed here.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from contracts.domain import (
    ANOMALIES,
    ASSEMBLED_TRIPS,
    GPS_AGGREGATES,
    INPUT_TOPICS,
    REGION_WINDOWS,
    DerivedTopic,
    Topic,
)
from contracts.fields import Kind, fields_of
from contracts.live import DERIVED_STRUCTS

CATALOG: Final = "lake"
NAMESPACES: Final = ("bronze", "stream", "silver", "gold")
IcebergType = Literal[
    "binary",
    "string",
    "int",
    "long",
    "double",
    "boolean",
    "timestamptz",
    "date",
    "map<string, binary>",
]


class Column(msgspec.Struct, frozen=True):
    """One column; every column may be NULL where `is_required` is false."""

    field_id: int
    name: str
    type: IcebergType
    is_required: bool
    description: str


class MapIds(msgspec.Struct, frozen=True):
    """Field ids of the key and the value of a map column."""

    column: str
    key_id: int
    value_id: int


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How one Iceberg table is created. Partitions are identities of columns."""

    namespace: str
    name: str
    description: str
    columns: tuple[Column, ...]
    map_ids: tuple[MapIds, ...]
    partition_by: tuple[str, ...]
    properties: dict[str, str]

    @property
    def identifier(self) -> str:
        """Name with its namespace, e.g. `bronze.rideshare_trips`."""
        return f"{self.namespace}.{self.name}"


TABLE_PROPERTIES: Final = {
    "format-version": "2",
    "write.format.default": "parquet",
    "write.parquet.compression-codec": "zstd",
    # Only the partition of today is written: shuffling by partition would use one subtask.
    "write.distribution-mode": "none",
    "write.target-file-size-bytes": str(128 * 1024 * 1024),
    # A writer buffers a row group and looks at its size every so many records: with records of
    # 8 MiB the defaults (128 MiB, up to 10,000 records) fill the heap before the first look.
    "write.parquet.row-group-size-bytes": str(32 * 1024 * 1024),
    "write.parquet.row-group-check-min-record-count": "4",
    "write.parquet.row-group-check-max-record-count": "4",
    # A commit every 30 s is 2,880 metadata files a day, each holding the list of all snapshots.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Values are opaque bytes: bounds over them cost space and prune nothing.
    "write.metadata.metrics.default": "truncate(16)",
    "write.metadata.metrics.column._raw_value": "none",
    "write.metadata.metrics.column._kafka_headers": "none",
}
STREAM_TABLE_PROPERTIES: Final = {
    name: text
    for name, text in TABLE_PROPERTIES.items()
    # Rows are small and alike, so the writer's own defaults fit; bounds over them do prune.
    if not name.startswith(("write.metadata.metrics.", "write.parquet.row-group-check-"))
}
_COLUMNS: Final[tuple[tuple[str, IcebergType, str], ...]] = (
    ("_raw_value", "binary", "Value of the record, byte for byte; NULL for a tombstone."),
    ("_kafka_topic", "string", "Topic the record was read from."),
    ("_kafka_partition", "int", "Partition the record was read from."),
    (
        "_kafka_offset",
        "long",
        "Offset of the record; with topic and partition it identifies the row.",
    ),
    (
        "_kafka_timestamp",
        "timestamptz",
        "CreateTime of the record: wall time of the producer, not event time.",
    ),
    ("_kafka_key", "binary", "Key of the record, byte for byte; NULL where there is none."),
    (
        "_kafka_headers",
        "map<string, binary>",
        "Headers of the record, e.g. run_id and traceparent.",
    ),
    ("_ingested_at", "timestamptz", "Wall time at which the ingest job read the record."),
    ("_ingestion_date", "date", "UTC date of _ingested_at; the table is partitioned by it."),
)
_DLQ_COLUMNS: Final[tuple[tuple[str, IcebergType, str], ...]] = (
    ("error_type", "string", "Reason without its path, e.g. missing_field."),
    (
        "error_message",
        "string",
        "Reason as contracts.validation gives it, e.g. missing_field:trip_id.",
    ),
)
_STREAM_COLUMNS: Final[tuple[tuple[str, IcebergType, str], ...]] = (
    ("_written_at", "timestamptz", "Wall time at which the job wrote the row."),
    ("_written_date", "date", "UTC date of _written_at; the table is partitioned by it."),
)
_ICEBERG_TYPES: Final[dict[Kind, IcebergType]] = {
    Kind.STRING: "string",
    Kind.INTEGER: "long",
    Kind.NUMBER: "double",
    Kind.BOOLEAN: "boolean",
}
_FIRST_NESTED_ID: Final = 1001
"""Ids of map keys and values start here, so that columns can be added without a clash."""


def bronze_table(topic: Topic) -> TableSpec:
    """Return the table that keeps every record of an input topic."""
    return _spec(topic.bronze_table, f"One row per Kafka record of topic {topic.name}.", _COLUMNS)


def dlq_table(topic: Topic) -> TableSpec:
    """Return the table that keeps the malformed records of an input topic, with the reason."""
    return _spec(
        topic.dlq_table,
        f"One row per malformed Kafka record of topic {topic.name}.",
        (*_COLUMNS, *_DLQ_COLUMNS),
    )


def stream_table(topic: DerivedTopic) -> TableSpec:
    """Return the table in which a job keeps what it writes to a derived topic.

    Its columns are those of the record behind two of its own, so that a field added to the record
    is a column added at the end. Within one life of a job a result is there once; a job that is
    started again without its state writes its results again, the same but for `_written_*`.

    Raises:
        KeyError: A field of the record is an object or an array, which no column here holds.
    """
    struct = DERIVED_STRUCTS[topic.name]
    fields = tuple(
        (field.name, _ICEBERG_TYPES[field.kind], f"As in contracts.live.{struct.__name__}.")
        for field in fields_of(struct)
    )
    return _spec(
        topic.stream_table,
        f"One row per record of topic {topic.name}.",
        (*_STREAM_COLUMNS, *fields),
        partition_by="_written_date",
        properties=STREAM_TABLE_PROPERTIES,
    )


def _spec(
    identifier: str,
    description: str,
    columns: tuple[tuple[str, IcebergType, str], ...],
    partition_by: str = "_ingestion_date",
    properties: Mapping[str, str] = TABLE_PROPERTIES,
) -> TableSpec:
    namespace, name = identifier.split(".", 1)
    return TableSpec(
        namespace=namespace,
        name=name,
        description=description,
        columns=tuple(
            Column(position, column, kind, False, text)
            for position, (column, kind, text) in enumerate(columns, start=1)
        ),
        map_ids=tuple(
            MapIds(column, _FIRST_NESTED_ID + 2 * position, _FIRST_NESTED_ID + 2 * position + 1)
            for position, column in enumerate(
                column for column, kind, _ in columns if kind == "map<string, binary>"
            )
        ),
        partition_by=(partition_by,),
        properties=dict(properties),
    )


BRONZE_TABLES: Final[tuple[TableSpec, ...]] = tuple(bronze_table(topic) for topic in INPUT_TOPICS)
DLQ_TABLES: Final[tuple[TableSpec, ...]] = tuple(dlq_table(topic) for topic in INPUT_TOPICS)
STREAM_TOPICS: Final = (GPS_AGGREGATES, ANOMALIES, REGION_WINDOWS, ASSEMBLED_TRIPS)
"""Derived topics whose job also keeps its results in the lake."""
STREAM_TABLES: Final[tuple[TableSpec, ...]] = tuple(stream_table(topic) for topic in STREAM_TOPICS)
TABLES: Final = BRONZE_TABLES + DLQ_TABLES + STREAM_TABLES


def table(identifier: str) -> TableSpec:
    """Return the table of this name (`namespace.name`).

    Raises:
        KeyError: There is none; the message lists the known ones.
    """
    for spec in TABLES:
        if spec.identifier == identifier:
            return spec
    raise KeyError(f"no table {identifier!r}: known are {', '.join(t.identifier for t in TABLES)}")
