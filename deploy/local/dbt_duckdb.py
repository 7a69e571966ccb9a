"""The second engine of the models: DuckDB, which needs no server but the catalog.

Before dbt runs, each table that jobs write becomes a view over the Parquet files of its newest
snapshot, in a database file of the stack. Such tables are only appended to (and compacted), so
their files are their rows. Silver and Gold are tables in that file; Iceberg's are left alone.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import duckdb
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

from contracts.tables import BRONZE_TABLES, CATALOG, STREAM_TABLES, Column, TableSpec

SOURCES: Final = BRONZE_TABLES + STREAM_TABLES
_TYPES: Final[Mapping[str, str]] = {
    "binary": "blob",
    "string": "varchar",
    "int": "integer",
    "long": "bigint",
    "double": "double",
    "boolean": "boolean",
    "timestamptz": "timestamp with time zone",
    "date": "date",
    "map<string, binary>": "map(varchar, blob)",
}


class DuckdbError(Exception):
    """DuckDB cannot read the lake; the message says what to do."""


def database(folder: Path) -> Path:
    """Return the database file; its stem is the name of the catalog, as in the models."""
    return folder / f"{CATALOG}.duckdb"


def attach(path: Path, catalog: Catalog) -> None:
    """Point the views of a database file (made if missing) at the newest snapshots.

    Raises:
        DuckdbError: Tables are missing, or one cannot be read as plain files, or another process
            holds the database file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    views = [_view(spec, _files(spec, catalog)) for spec in SOURCES]
    try:
        with duckdb.connect(str(path)) as connection:
            for schema in sorted({spec.namespace for spec in SOURCES}):
                connection.execute(f"create schema if not exists {schema}")
            for view in views:
                connection.execute(view)
    except duckdb.IOException as error:
        raise DuckdbError(f"{path} cannot be opened: {error}. Close what holds it") from error


def _files(spec: TableSpec, catalog: Catalog) -> list[str]:
    try:
        tasks = list(catalog.load_table(spec.identifier).scan().plan_files())
    except (NoSuchTableError, NoSuchNamespaceError) as error:
        raise DuckdbError(
            f"table {spec.identifier} is missing. Create it: farol lake init"
        ) from error
    if any(task.delete_files for task in tasks):
        raise DuckdbError(
            f"rows of {spec.identifier} have been deleted, which its files alone do not show. "
            f"Rewrite it: farol sql 'alter table {CATALOG}.{spec.identifier} execute optimize'"
        )
    return [local_path(spec, task.file.file_path) for task in tasks]


def local_path(spec: TableSpec, address: str) -> str:
    """Return the path of a file in the local warehouse.

    Raises:
        DuckdbError: It lies in an object store, for which DuckDB would need an extension.
    """
    scheme, sign, path = address.partition("://")
    if not sign:
        return address.removeprefix("file:")
    if scheme != "file":
        raise DuckdbError(
            f"{spec.identifier} lies on {scheme}; this engine reads a warehouse of local files. "
            "Use the other one: farol dbt build"
        )
    return path


def _view(spec: TableSpec, files: Iterable[str]) -> str:
    """Return the statement; columns that no file has yet are NULL."""
    typed = ", ".join(f"cast(null as {_TYPES[c.type]}) as {_quoted(c)}" for c in spec.columns)
    columns = ", ".join(_quoted(column) for column in spec.columns)
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in sorted(files))
    query = f"(select {typed} limit 0)"
    # Names come from the contracts and from the catalog, not from people.
    if listed:
        options = "union_by_name = true, hive_partitioning = false"
        query += f" union all by name select * from read_parquet([{listed}], {options})"  # noqa: S608
    return f"create or replace view {spec.identifier} as select {columns} from ({query})"  # noqa: S608


def _quoted(column: Column) -> str:
    return f'"{column.name}"'
