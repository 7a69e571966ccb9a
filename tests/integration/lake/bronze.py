"""Writes records into Bronze as the ingest job would: one commit, offsets counted per partition."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import schema_to_pyarrow

from contracts.domain import input_topic
from tests.integration.lake.records import Record


class BronzeWriter:
    """Appends records to the Bronze tables of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._next: Counter[tuple[str, int]] = Counter()
        self.rows: list[tuple[Record, int]] = []

    def append(
        self,
        records: Iterable[Record],
        headers: dict[str, bytes] | None = None,
        age: dt.timedelta = dt.timedelta(0),
        run_id: str | None = "run-1",
    ) -> None:
        """Commit the records of each topic in one snapshot.

        Args:
            records: In the order of their offsets.
            headers: Beside that of the run.
            age: How long ago the job has read them.
            run_id: What the header says; without it there is none.
        """
        of_run = {"run_id": run_id.encode()} if run_id else {}
        now = dt.datetime.now(dt.UTC) - age
        by_topic: dict[str, list[dict[str, object]]] = {}
        for record in records:
            place = (record.topic, record.partition)
            offset = self._next[place]
            self._next[place] += 1
            self.rows.append((record, offset))
            by_topic.setdefault(record.topic, []).append(
                {
                    "_raw_value": record.value,
                    "_kafka_topic": record.topic,
                    "_kafka_partition": record.partition,
                    "_kafka_offset": offset,
                    "_kafka_timestamp": now,
                    "_kafka_key": record.key,
                    "_kafka_headers": list((of_run | (headers or {})).items()),
                    "_ingested_at": now,
                    "_ingestion_date": now.date(),
                }
            )
        for topic, rows in by_topic.items():
            table = self._catalog.load_table(input_topic(topic).bronze_table)
            schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
            table.append(pa.Table.from_pylist(rows, schema=schema))
