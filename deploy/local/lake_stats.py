"""What the tables of the lake consist of: rows, files, bytes, snapshots, read from metadata alone.

Needs the catalog and no Trino: counts are those of the manifests of the current snapshot.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile, DataFileContent
from pyiceberg.table import Table

from contracts.tables import NAMESPACES
from deploy.local.lake import LakeError

SMALL_FILE_BYTES: Final = 64 * 2**20
"""Below half of the size that writers aim at (`contracts.tables`), a file is worth merging."""


class UnknownTableError(LakeError):
    """No table has this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no table {name!r} in the lake; tables are: {', '.join(known) or 'none'}")
        self.name = name


@dataclass(frozen=True, slots=True)
class PartitionStats:
    """One partition of the current snapshot; the whole table where it has none.

    Attributes:
        name: As in file paths, e.g. `_ingestion_date=2026-03-02`; empty where unpartitioned.
        row_count: Rows of its data files, less the rows that position deletes name.
        file_count: Data files.
        bytes: Of the data files.
        small_file_count: Data files below `SMALL_FILE_BYTES`.
        small_bytes: Of those.
        delete_file_count: Files of position or equality deletes.
    """

    name: str
    row_count: int
    file_count: int
    bytes: int
    small_file_count: int
    small_bytes: int
    delete_file_count: int


@dataclass(frozen=True, slots=True)
class TableStats:
    """One table: what its current snapshot consists of, and its history.

    Attributes:
        identifier: Namespace and name.
        partitions: By name; none where the table is empty.
        manifest_count: Manifests of the current snapshot.
        snapshot_times_ms: When each snapshot that is kept was committed, oldest first.
    """

    identifier: str
    partitions: tuple[PartitionStats, ...]
    manifest_count: int
    snapshot_times_ms: tuple[int, ...]

    @property
    def row_count(self) -> int:
        """Rows that a query sees."""
        return sum(part.row_count for part in self.partitions)

    @property
    def file_count(self) -> int:
        """Data files of the current snapshot."""
        return sum(part.file_count for part in self.partitions)

    @property
    def bytes(self) -> int:
        """Size of the data files."""
        return sum(part.bytes for part in self.partitions)

    @property
    def small_file_count(self) -> int:
        """Data files worth merging."""
        return sum(part.small_file_count for part in self.partitions)

    @property
    def delete_file_count(self) -> int:
        """Files of deletes of the current snapshot."""
        return sum(part.delete_file_count for part in self.partitions)

    @property
    def snapshot_count(self) -> int:
        """Snapshots that one can travel to."""
        return len(self.snapshot_times_ms)


def table_names(catalog: Catalog, named: Iterable[str] = ()) -> list[str]:
    """Return the tables of the lake in the order of the layers, or those named among them.

    Raises:
        UnknownTableError: A named one does not exist.
    """
    known = [
        ".".join(identifier)
        for namespace in NAMESPACES
        if catalog.namespace_exists(namespace)
        for identifier in sorted(catalog.list_tables(namespace))
    ]
    wanted = list(named)
    for name in wanted:
        if name not in known:
            raise UnknownTableError(name, known)
    return wanted or known


def stats_of(catalog: Catalog, identifier: str) -> TableStats | None:
    """Return the statistics of a table, None where it was dropped meanwhile (dbt replaces some)."""
    try:
        table = catalog.load_table(identifier)
    except NoSuchTableError:
        return None
    files, manifests = _files(table)
    times = sorted(snapshot.timestamp_ms for snapshot in table.metadata.snapshots)
    return TableStats(identifier, _partitions(files), manifests, tuple(times))


def _files(table: Table) -> tuple[list[tuple[str, DataFile]], int]:
    snapshot = table.current_snapshot()
    if snapshot is None:
        return [], 0
    schema, specs = table.schema(), table.specs()
    manifests = snapshot.manifests(table.io)
    files = []
    for manifest in manifests:
        spec = specs[manifest.partition_spec_id]
        for entry in manifest.fetch_manifest_entry(table.io):
            partition = entry.data_file.partition
            files.append((spec.partition_to_path(partition, schema), entry.data_file))
    return files, len(manifests)


def _partitions(files: Iterable[tuple[str, DataFile]]) -> tuple[PartitionStats, ...]:
    by_name: defaultdict[str, list[DataFile]] = defaultdict(list)
    for name, file in files:
        by_name[name].append(file)
    return tuple(_partition(name, by_name[name]) for name in sorted(by_name))


def _partition(name: str, files: list[DataFile]) -> PartitionStats:
    data = [file for file in files if file.content is DataFileContent.DATA]
    small = [file for file in data if file.file_size_in_bytes < SMALL_FILE_BYTES]
    deleted = sum(
        file.record_count for file in files if file.content is DataFileContent.POSITION_DELETES
    )
    return PartitionStats(
        name=name,
        row_count=sum(file.record_count for file in data) - deleted,
        file_count=len(data),
        bytes=sum(file.file_size_in_bytes for file in data),
        small_file_count=len(small),
        small_bytes=sum(file.file_size_in_bytes for file in small),
        delete_file_count=len(files) - len(data),
    )
