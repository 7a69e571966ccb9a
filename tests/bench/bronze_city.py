"""A port of the simulator that writes Bronze: what Kafka and `ingest_bronze` would leave there.

Partitions are chosen as the Python clients of Kafka do, offsets count up, and no record is checked:
malformed ones are in Bronze as they would be, their copies in the DLQ tables are left out.
"""

import datetime as dt
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import schema_to_pyarrow

from contracts.domain import HEADER_RUN_ID, PARTITIONS, input_topic
from sim.control import scenarios
from sim.publishing.record import Record
from sim.publishing.run import Run, new_run_id

_COMMIT_ROWS: Final = 250_000
_CHUNK_MS: Final = 60_000


class BronzePort:
    """Appends a topic's records to its Bronze table, a quarter of a million at a time."""

    name = "bronze"

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._run_id = b""
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._waiting: defaultdict[str, list[tuple[Record, int, int]]] = defaultdict(list)
        self.rows = 0

    def open(self, run_id: str, topics: tuple[str, ...]) -> None:
        self._run_id = run_id.encode()

    def partitions(self, topic: str) -> int:
        return PARTITIONS

    def send(self, records: Sequence[Record]) -> None:
        for record in records:
            self._take(record)

    def _take(self, record: Record) -> None:
        partition = record.partition
        if partition is None:
            partition = zlib.crc32(record.key or b"") % PARTITIONS
        place = (record.topic, partition)
        self._waiting[record.topic].append((record, partition, self._offsets[place]))
        self._offsets[place] += 1
        self.rows += 1
        if len(self._waiting[record.topic]) >= _COMMIT_ROWS:
            self._commit(record.topic)

    def poll(self) -> None:
        """Do nothing: nothing waits."""

    def flush(self) -> None:
        for topic in list(self._waiting):
            self._commit(topic)

    def offsets(self) -> dict[tuple[str, int], int]:
        return {}

    def problem(self) -> str | None:
        return None

    def abort(self) -> None:
        """Do nothing: nobody waits."""

    def close(self) -> None:
        """Do nothing: the catalog is its owner's."""

    def _commit(self, topic: str) -> None:
        rows = self._waiting.pop(topic, [])
        if not rows:
            return
        now = dt.datetime.now(dt.UTC)
        count = len(rows)
        headers = [
            [(HEADER_RUN_ID, self._run_id), ("traceparent", record.traceparent)]
            for record, _, _ in rows
        ]
        table = self._catalog.load_table(input_topic(topic).bronze_table)
        columns = {
            "_raw_value": [record.value for record, _, _ in rows],
            "_kafka_topic": [topic] * count,
            "_kafka_partition": [partition for _, partition, _ in rows],
            "_kafka_offset": [offset for _, _, offset in rows],
            "_kafka_timestamp": [now] * count,
            "_kafka_key": [record.key for record, _, _ in rows],
            "_kafka_headers": headers,
            "_ingested_at": [now] * count,
            "_ingestion_date": [now.date()] * count,
        }
        schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
        table.append(pa.Table.from_pydict(columns, schema=schema))


class BronzeCity:
    """A run of the demo city whose records go to Bronze."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._port = BronzePort(catalog)
        self._run = Run(scenarios.named("demo"), new_run_id(), self._port, folder)

    def send(self, rows: int) -> int:
        """Let the city live until it has sent so many more records; return how many it sent."""
        before = self._port.rows
        while self._port.rows < before + rows:
            self._run.advance(self._run.now_ms + _CHUNK_MS)
        self._port.flush()
        return self._port.rows - before
