"""`lake.initialise` on an embedded catalog: create, leave alone, evolve, refuse."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import StringType

from contracts.tables import NAMESPACES, TABLES, Column, TableSpec, table
from deploy.local import lake
from deploy.local.lake import CatalogUnreachableError, Change, IncompatibleTableError

SPEC = table("bronze.dlq_rideshare_trips")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = SqlCatalog("lake", uri="sqlite:///:memory:", warehouse=f"file://{tmp_path}")
    yield catalog
    catalog.close()


def changed(outcomes: tuple[lake.Outcome, ...]) -> dict[str, Change]:
    return {o.identifier: o.change for o in outcomes if o.change is not Change.UNCHANGED}


def without(spec: TableSpec, column: str) -> TableSpec:
    return msgspec.structs.replace(
        spec, columns=tuple(found for found in spec.columns if found.name != column)
    )


def test_creates_every_namespace_and_table_of_the_contracts_once(catalog: Catalog) -> None:
    names = {*NAMESPACES, *(spec.identifier for spec in TABLES)}
    assert changed(lake.initialise(catalog)) == dict.fromkeys(names, Change.CREATED)
    assert changed(lake.initialise(catalog)) == {}
    for spec in TABLES:
        assert lake.differences(catalog.load_table(spec.identifier), spec) == ()


def test_a_table_has_the_columns_ids_partitions_and_properties_of_its_spec(
    catalog: Catalog,
) -> None:
    lake.initialise(catalog, [SPEC])
    made = catalog.load_table(SPEC.identifier)
    found = [(field.field_id, field.name, str(field.field_type)) for field in made.schema().fields]
    assert found == [(c.field_id, c.name, c.type) for c in SPEC.columns]
    assert [(part.name, str(part.transform)) for part in made.spec().fields] == [
        ("_ingestion_date", "identity")
    ]
    assert made.format_version == 2
    kept = {name: text for name, text in SPEC.properties.items() if name != "format-version"}
    assert kept.items() <= made.properties.items()


def test_a_new_optional_column_is_added_to_an_existing_table(catalog: Catalog) -> None:
    lake.initialise(catalog, [without(SPEC, "error_message")])
    outcomes = lake.initialise(catalog, [SPEC])
    assert changed(outcomes) == {SPEC.identifier: Change.EVOLVED}
    assert outcomes[-1].detail == ("added column error_message",)
    assert "error_message" in catalog.load_table(SPEC.identifier).schema().column_names
    assert changed(lake.initialise(catalog, [SPEC])) == {}


def test_a_changed_property_is_set(catalog: Catalog) -> None:
    lake.initialise(catalog, [SPEC])
    name = "write.target-file-size-bytes"
    wanted = msgspec.structs.replace(SPEC, properties={**SPEC.properties, name: "1000"})
    assert changed(lake.initialise(catalog, [wanted])) == {SPEC.identifier: Change.EVOLVED}
    assert catalog.load_table(SPEC.identifier).properties[name] == "1000"


def test_a_column_that_somebody_added_stays(catalog: Catalog) -> None:
    lake.initialise(catalog, [SPEC])
    with catalog.load_table(SPEC.identifier).update_schema() as schema:
        schema.add_column("remark", StringType())
    assert changed(lake.initialise(catalog, [SPEC])) == {}


@pytest.mark.parametrize(
    ("wanted", "difference"),
    [
        (
            msgspec.structs.replace(
                SPEC, columns=(*SPEC.columns, Column(12, "who", "string", True, ""))
            ),
            "required column who is missing",
        ),
        (
            msgspec.structs.replace(
                SPEC,
                columns=(
                    *SPEC.columns[:3],
                    Column(4, "_kafka_offset", "string", False, ""),
                    *SPEC.columns[4:],
                ),
            ),
            "column _kafka_offset is long, not string",
        ),
        (
            msgspec.structs.replace(SPEC, partition_by=("_kafka_partition",)),
            "partitioned by identity(_ingestion_date), not identity(_kafka_partition)",
        ),
    ],
)
def test_an_incompatible_table_is_refused_and_nothing_is_changed(
    catalog: Catalog, wanted: TableSpec, difference: str
) -> None:
    lake.initialise(catalog, [SPEC])
    other = table("bronze.rideshare_trips")
    with pytest.raises(IncompatibleTableError) as refused:
        lake.initialise(catalog, [other, wanted])
    assert any(found.startswith(difference) for found in refused.value.differences)
    assert SPEC.identifier in str(refused.value)
    assert "then run: farol lake init" in str(refused.value)
    assert not catalog.table_exists(other.identifier)


def test_a_catalog_that_is_away_is_named() -> None:
    with pytest.raises(CatalogUnreachableError, match=r"127\.0\.0\.1:1 .*farol up catalog"):
        lake.connect("http://127.0.0.1:1")
