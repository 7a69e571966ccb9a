"""DuckDB sees the rows of the newest snapshots, and refuses what it would get wrong."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import schema_to_pyarrow

from contracts.tables import STREAM_TABLES, table
from deploy.local import dbt_duckdb, lake
from deploy.local.dbt_duckdb import SOURCES, DuckdbError

SPEC = table("stream.taxi_region_windows")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = SqlCatalog("lake", uri="sqlite:///:memory:", warehouse=f"file://{tmp_path}/it's")
    yield catalog
    catalog.close()


def append(catalog: Catalog, **row: object) -> None:
    found = catalog.load_table(SPEC.identifier)
    schema = schema_to_pyarrow(found.schema(), include_field_ids=False)
    found.append(pa.Table.from_pylist([{"_written_date": None, **row}], schema=schema))


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_empty_tables_are_views_with_the_columns_of_the_contract(
    catalog: Catalog, tmp_path: Path
) -> None:
    lake.initialise(catalog)
    path = dbt_duckdb.database(tmp_path / "new")
    dbt_duckdb.attach(path, catalog)
    for spec in SOURCES:
        assert rows(path, f"select * from lake.{spec.identifier}") == []  # noqa: S608
        columns = rows(path, f"describe {spec.identifier}")
        assert [name for name, *_ in columns] == [column.name for column in spec.columns]


def test_a_second_look_sees_what_has_been_appended_since(catalog: Catalog, tmp_path: Path) -> None:
    lake.initialise(catalog)
    path = dbt_duckdb.database(tmp_path)
    append(catalog, region_id=7, currency="USD")
    dbt_duckdb.attach(path, catalog)
    query = f"select region_id, p99_duration_s from {SPEC.identifier} order by 1"  # noqa: S608
    assert rows(path, query) == [(7, None)]
    append(catalog, region_id=8, p99_duration_s=1.5)
    assert rows(path, query) == [(7, None)]
    dbt_duckdb.attach(path, catalog)
    assert rows(path, query) == [(7, None), (8, 1.5)]


def test_missing_tables_are_named_with_the_command_that_makes_them(
    catalog: Catalog, tmp_path: Path
) -> None:
    with pytest.raises(DuckdbError, match=r"bronze\.rideshare_trips is missing.*farol lake init"):
        dbt_duckdb.attach(dbt_duckdb.database(tmp_path), catalog)


def test_a_database_that_somebody_holds_is_a_clear_error(catalog: Catalog, tmp_path: Path) -> None:
    lake.initialise(catalog)
    path = dbt_duckdb.database(tmp_path)
    path.write_bytes(b"no database")
    with pytest.raises(DuckdbError, match=r"lake\.duckdb cannot be opened"):
        dbt_duckdb.attach(path, catalog)


def test_a_warehouse_in_an_object_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DuckdbError, match="lies on s3"):
        dbt_duckdb.local_path(STREAM_TABLES[0], "s3://bucket/part.parquet")
    assert dbt_duckdb.local_path(SPEC, "file:/a/b.parquet") == "/a/b.parquet"
    assert dbt_duckdb.local_path(SPEC, "file:///a/b.parquet") == "/a/b.parquet"
