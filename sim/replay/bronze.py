"""Records of a past interval out of Bronze, byte for byte, each distinct record once."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NoSuchTableError, RESTError

from contracts.domain import Topic
from contracts.events import CONTROL_TYPES
from contracts.tables import CATALOG
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from sim.replay.errors import LakeError, ReplayError
from sim.replay.record import Identity, Record

_FIELDS: Final[list[tuple[str, Any]]] = [
    ("row_number", pa.int64()),
    ("event_time_ms", pa.int64()),
    ("partition", pa.int32()),
    ("offset", pa.int64()),
    ("key", pa.binary()),
    ("value", pa.binary()),
]
SCHEMA: Final = pa.schema(_FIELDS)
_MEMORY: Final = "1GB"
_BATCH_ROWS: Final = 20_000
_COLUMNS: Final = ("_kafka_partition", "_kafka_offset", "_kafka_key", "_raw_value")
_DISTINCT: Final = """
select _kafka_partition, _kafka_offset, _kafka_key, _raw_value
from kept
qualify row_number() over (
    partition by coalesce(md5(_raw_value), ''), coalesce(md5(_kafka_key), '')
    order by _kafka_partition, _kafka_offset
) = 1
order by _kafka_partition, _kafka_offset
"""


class _Glance(msgspec.Struct):
    event_type: str = ""
    event_time: str = ""


_glance: Final = msgspec.json.Decoder(_Glance).decode


class BronzeTable:
    """One Bronze table as it is at one snapshot."""

    def __init__(self, catalog_uri: str, topic: Topic, snapshot_id: int | None = None) -> None:
        """Open the table, at its newest snapshot if none is named.

        Raises:
            LakeError: The catalog does not answer, or the table is absent or empty.
        """
        name = topic.bronze_table
        try:
            self._table = load_catalog(CATALOG, type="rest", uri=catalog_uri).load_table(name)
        except NoSuchTableError:
            raise LakeError(f"there is no table {name}: farol up, farol lake init") from None
        except (OSError, RESTError) as error:
            raise LakeError(
                f"the catalog at {catalog_uri} does not answer ({error}); start it with: farol up"
            ) from error
        newest = self._table.current_snapshot()
        if newest is None:
            raise LakeError(f"{name} is empty: the job ingest_bronze has written nothing yet")
        self.snapshot_id = snapshot_id or newest.snapshot_id
        self.sha256 = hashlib.sha256(f"{name}@{self.snapshot_id}".encode()).hexdigest()

    def batches(self, scratch: Path) -> Iterator[pa.RecordBatch]:
        """Return the records in order of partition and offset, as batches of `SCHEMA`.

        Control records are left out: the replay speaks of its own end.

        Raises:
            ReplayError: The table cannot be read, or the scratch folder is full.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {
            "memory_limit": _MEMORY,
            "temp_directory": str(scratch),
            "threads": "2",
        }
        number = 1
        try:
            scan = self._table.scan(selected_fields=_COLUMNS, snapshot_id=self.snapshot_id)
            with duckdb.connect(config=settings) as connection:
                connection.register("kept", scan.to_arrow_batch_reader())
                reader = connection.sql(_DISTINCT).to_arrow_reader(_BATCH_ROWS)
                for batch in reader:
                    rows = [row for row in _rows(batch) if row is not None]
                    numbers = range(number, number + len(rows))
                    number += len(rows)
                    yield _batch([(n, *row) for n, row in zip(numbers, rows, strict=True)])
        except (duckdb.Error, pa.ArrowException, OSError, ValueError) as error:
            raise ReplayError(f"{self._table.name()} cannot be read ({error})") from error


def _rows(
    batch: pa.RecordBatch,
) -> Iterator[tuple[int | None, int, int, bytes | None, bytes | None] | None]:
    columns = (column.to_pylist() for column in batch.columns)
    for partition, offset, key, value in zip(*columns, strict=True):
        moment_ms, is_control = _read(value)
        yield None if is_control else (moment_ms, partition, offset, key, value)


def _read(value: bytes | None) -> tuple[int | None, bool]:
    try:
        seen = _glance(value or b"")
        moment_ms = epoch_ms(seen.event_time)
    except (msgspec.DecodeError, ValueError):
        return None, False
    return moment_ms, seen.event_type in CONTROL_TYPES


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(column, field.type)
            for column, field in zip(map(list, columns), SCHEMA, strict=True)
        ],
        schema=SCHEMA,
    )


def record_of(topic: Topic, identity: Identity, row: tuple[Any, ...]) -> Record:
    """Return the record of one row of `SCHEMA`."""
    number, moment_ms, partition, offset, key, value = row
    reason = reject_reason(topic.name, value)
    return Record(
        row_number=number,
        event_id=identity.named(f"{partition}/{offset}"),
        key=key,
        value=value,
        event_time_ms=None if reason is not None else moment_ms,
        reason=reason,
        partition=partition,
    )
