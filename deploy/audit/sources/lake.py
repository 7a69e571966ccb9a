"""Iceberg tables as columns, through PyIceberg: all engines' tables lie in the one catalog."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError, RESTError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo, Reference
from pyiceberg.expressions.literals import literal

from contracts.domain import ANOMALIES, Topic
from contracts.live import Anomaly
from contracts.tables import CATALOG
from deploy.audit.checks.alerts import Written
from deploy.audit.checks.bronze import BronzeRows, DlqRows
from deploy.audit.checks.gold import Built, PaymentRow, TripRow
from deploy.audit.checks.silver import StagedRows
from deploy.audit.columns import Integers
from deploy.audit.errors import AuditError
from deploy.audit.log import digest, places


class LakeSource:
    """Reads tables of one catalog."""

    def __init__(self, uri: str) -> None:
        """Connect.

        Raises:
            AuditError: No catalog answers.
        """
        try:
            self._catalog: Catalog = load_catalog(CATALOG, type="rest", uri=uri)
        except (OSError, RESTError) as error:
            raise AuditError(
                f"no Iceberg catalog answers at {uri} ({type(error).__name__}); "
                "start it with: farol up"
            ) from error

    def bronze(self, topic: Topic) -> BronzeRows | None:
        """Return what the Bronze table of a topic holds, None where there is no such table."""
        batches = self._batches(
            topic.bronze_table, ("_kafka_partition", "_kafka_offset", "_raw_value")
        )
        if batches is None:
            return None
        place, digests = [_no_integers()], [_no_integers()]
        for batch in batches:
            place.append(_places(batch))
            digests.append(_digests(batch))
        return BronzeRows(place=np.concatenate(place), digest=np.concatenate(digests))

    def dlq(self, topic: Topic) -> DlqRows | None:
        """Return what the DLQ table of a topic holds, None where there is no such table."""
        columns = (
            "_kafka_partition",
            "_kafka_offset",
            "_raw_value",
            "error_type",
            "error_message",
        )
        batches = self._batches(topic.dlq_table, columns)
        if batches is None:
            return None
        place, digests = [_no_integers()], [_no_integers()]
        types: list[str | None] = []
        messages: list[str | None] = []
        for batch in batches:
            place.append(_places(batch))
            digests.append(_digests(batch))
            types += batch.column("error_type").to_pylist()
            messages += batch.column("error_message").to_pylist()
        return DlqRows(
            place=np.concatenate(place),
            digest=np.concatenate(digests),
            error_type=types,
            error_message=messages,
        )

    def staged(self, topic: Topic) -> StagedRows | None:
        """Return what the staging table of a topic holds, None where there is no such table."""
        batches = self._batches(
            topic.staging_table, ("_kafka_partition", "_kafka_offset", "event_id")
        )
        if batches is None:
            return None
        place: list[Integers] = [_no_integers()]
        ids: list[Any] = [pa.array([], pa.string())]
        for batch in batches:
            place.append(_places(batch))
            ids.append(batch.column("event_id").cast(pa.string()))
        return StagedRows(place=np.concatenate(place), event_id=pa.concat_arrays(ids))

    def trips(self, run_id: str) -> Built[TripRow] | None:
        """Return the rows of a run in `gold.fact_trips`, None where there is no such table."""
        rows = self._rows("gold.fact_trips", (*TripRow._fields, "_last_kafka_offset"), run_id)
        if rows is None:
            return None
        trips = [TripRow(*(row[column] for column in TripRow._fields)) for row in rows]
        return Built(rows=trips, newest=_newest(rows, "_last_kafka_offset"))

    def payments(self, run_id: str) -> Built[PaymentRow] | None:
        """Return the rows of a run in `gold.fact_payments`, None where there is no such table."""
        rows = self._rows("gold.fact_payments", (*PaymentRow._fields, "_kafka_offset"), run_id)
        if rows is None:
            return None
        payments = [PaymentRow(*(row[column] for column in PaymentRow._fields)) for row in rows]
        return Built(rows=payments, newest=_newest(rows, "_kafka_offset"))

    def alerts(self, run_id: str) -> Written | None:
        """Return a run's anomalies in the lake, None where there is no such table."""
        columns = ("_written_at", *Anomaly.__struct_fields__)
        batches = self._batches(
            ANOMALIES.stream_table,
            columns,
            EqualTo(term=Reference("run_id"), value=literal(run_id)),
        )
        if batches is None:
            return None
        rows: list[Anomaly] = []
        at_ms: list[int] = []
        for row in (row for batch in batches for row in batch.to_pylist()):
            at_ms.append(int(row.pop("_written_at").timestamp() * 1000))
            rows.append(_converted(ANOMALIES.stream_table, row))
        return Written(rows=rows, at_ms=at_ms)

    def _rows(
        self, table: str, columns: tuple[str, ...], run_id: str
    ) -> list[dict[str, Any]] | None:
        wanted = (*columns, "_kafka_partition", "run_id")
        batches = self._batches(
            table, wanted, EqualTo(term=Reference("run_id"), value=literal(run_id))
        )
        if batches is None:
            return None
        return [row for batch in batches for row in batch.to_pylist()]

    def _batches(
        self,
        identifier: str,
        columns: tuple[str, ...],
        condition: BooleanExpression | None = None,
    ) -> Iterator[pa.RecordBatch] | None:
        try:
            table = self._catalog.load_table(identifier)
        except (NoSuchTableError, NoSuchNamespaceError):
            return None
        except (OSError, RESTError) as error:
            raise AuditError(f"table {identifier} cannot be opened ({error})") from error
        missing = [name for name in columns if name not in table.schema().column_names]
        if missing:
            raise AuditError(f"table {identifier} has no column {', '.join(missing)}")
        scan = table.scan(
            row_filter=condition if condition is not None else AlwaysTrue(),
            selected_fields=columns,
        )
        return _guarded(identifier, scan.to_arrow_batch_reader())


def _guarded(identifier: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (OSError, pa.ArrowException) as error:
        raise AuditError(
            f"table {identifier} cannot be read ({error}); if it was being rewritten, try again"
        ) from error


def _converted(table: str, row: dict[str, Any]) -> Anomaly:
    try:
        return msgspec.convert(row, Anomaly)
    except msgspec.ValidationError as error:
        raise AuditError(f"table {table} has a row that is no anomaly ({error})") from error


def _newest(rows: list[dict[str, Any]], column: str) -> dict[int, int]:
    newest: dict[int, int] = {}
    for row in rows:
        partition = int(row["_kafka_partition"])
        newest[partition] = max(newest.get(partition, -1), int(row[column]))
    return newest


def _no_integers() -> Integers:
    return np.array([], dtype=np.int64)


def _places(batch: pa.RecordBatch) -> Integers:
    partition = batch.column("_kafka_partition").to_numpy(zero_copy_only=False)
    offset = batch.column("_kafka_offset").to_numpy(zero_copy_only=False)
    return places(partition.astype(np.int64), offset.astype(np.int64))


def _digests(batch: pa.RecordBatch) -> Integers:
    return np.array([digest(value) for value in batch.column("_raw_value").to_pylist()], np.int64)
