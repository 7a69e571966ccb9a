"""Create and evolve the Iceberg tables of the contracts: the work behind `farol lake init`.

Tables that dbt builds are not made here. Nothing is ever dropped or narrowed: what cannot be
reached by adding an optional column is refused with the difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError, RESTError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    IntegerType,
    LongType,
    MapType,
    NestedField,
    StringType,
    TimestamptzType,
)

from contracts.tables import CATALOG, NAMESPACES, TABLES, Column, TableSpec

_PRIMITIVES: Final[dict[str, IcebergType]] = {
    "binary": BinaryType(),
    "string": StringType(),
    "int": IntegerType(),
    "long": LongType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
    "timestamptz": TimestamptzType(),
    "date": DateType(),
}
_FIRST_PARTITION_FIELD_ID: Final = 1000
CONFLICTS: Final = frozenset({"ICEBERG_COMMIT_ERROR", "TRANSACTION_CONFLICT"})
"""What Trino calls a commit that another one has come before."""


class LakeError(Exception):
    """The lake cannot be brought to what the contracts say."""


class CatalogUnreachableError(LakeError):
    """Nothing answers at the address of the catalog."""

    def __init__(self, uri: str, cause: Exception) -> None:
        super().__init__(
            f"no Iceberg catalog answers at {uri} ({type(cause).__name__}). "
            "Start it: farol up catalog"
        )
        self.uri = uri


class IncompatibleTableError(LakeError):
    """A table exists and cannot be evolved to its specification."""

    def __init__(self, identifier: str, differences: Iterable[str]) -> None:
        self.identifier = identifier
        self.differences = tuple(differences)
        super().__init__(
            f"table {CATALOG}.{identifier} exists and differs from the contracts: "
            f"{'; '.join(self.differences)}. Nothing was changed. Move the data to a table of "
            "another name and drop this one, or use a fresh state folder (FAROL_HOME); "
            "then run: farol lake init"
        )


class Change(StrEnum):
    """What was done to one namespace or table."""

    CREATED = "created"
    EVOLVED = "evolved"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One namespace or table, what was done to it, and which columns or properties that touched."""

    identifier: str
    change: Change
    detail: tuple[str, ...] = ()


def connect(uri: str) -> Catalog:
    """Return the REST catalog at an address.

    Raises:
        CatalogUnreachableError: Nothing answers there.
    """
    try:
        return load_catalog(CATALOG, type="rest", uri=uri)
    except (OSError, RESTError) as error:
        raise CatalogUnreachableError(uri, error) from error


def initialise(catalog: Catalog, tables: Iterable[TableSpec] = TABLES) -> tuple[Outcome, ...]:
    """Create what is missing, evolve what may be evolved, and return what was done, in order.

    Every existing table is compared before anything is changed, so that a refusal changes nothing.

    Raises:
        IncompatibleTableError: A table cannot be brought to its specification.
    """
    specs = tuple(tables)
    existing = {spec.identifier: _load(catalog, spec) for spec in specs}
    for spec in specs:
        table = existing[spec.identifier]
        if table is not None and (found := differences(table, spec)):
            raise IncompatibleTableError(spec.identifier, found)
    outcomes = [_create_namespace(catalog, namespace) for namespace in NAMESPACES]
    for spec in specs:
        table = existing[spec.identifier]
        outcomes.append(_create(catalog, spec) if table is None else _evolve(table, spec))
    return tuple(outcomes)


def differences(table: Table, spec: TableSpec) -> tuple[str, ...]:
    """Return what contradicts the specification; a missing optional column does not."""
    found: list[str] = []
    fields = {field.name: field for field in table.schema().fields}
    for column in spec.columns:
        field = fields.pop(column.name, None)
        if field is None:
            if column.is_required:
                found.append(f"required column {column.name} is missing and cannot be added")
            continue
        if _text(field.field_type) != column.type:
            found.append(f"column {column.name} is {_text(field.field_type)}, not {column.type}")
        if field.required and not column.is_required:
            found.append(f"column {column.name} is required, not optional")
        if column.is_required and not field.required:
            found.append(f"column {column.name} is optional, not required")
    found += [
        f"column {name} is not in the contracts" for name, field in fields.items() if field.required
    ]
    partitions = tuple(
        (table.schema().find_column_name(part.source_id) or "?", str(part.transform))
        for part in table.spec().fields
    )
    wanted = tuple((name, str(IdentityTransform())) for name in spec.partition_by)
    if partitions != wanted:
        found.append(f"partitioned by {_partition_text(partitions)}, not {_partition_text(wanted)}")
    version = spec.properties.get("format-version")
    if version is not None and str(table.format_version) != version:
        found.append(f"format version is {table.format_version}, not {version}")
    return tuple(found)


def schema_of(spec: TableSpec) -> Schema:
    """Return the Iceberg schema of a specification."""
    nested = {ids.column: (ids.key_id, ids.value_id) for ids in spec.map_ids}
    return Schema(
        *(
            NestedField(
                field_id=column.field_id,
                name=column.name,
                field_type=_type(column, nested.get(column.name)),
                required=column.is_required,
                doc=column.description,
            )
            for column in spec.columns
        )
    )


def _type(column: Column, nested: tuple[int, int] | None) -> IcebergType:
    if column.type != "map<string, binary>":
        return _PRIMITIVES[column.type]
    key_id, value_id = nested or (0, 0)
    return MapType(
        key_id=key_id,
        key_type=StringType(),
        value_id=value_id,
        value_type=BinaryType(),
        value_required=False,
    )


def _text(kind: IcebergType) -> str:
    return str(kind)


def _partition_text(partitions: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{transform}({name})" for name, transform in partitions) or "nothing"


def _load(catalog: Catalog, spec: TableSpec) -> Table | None:
    try:
        return catalog.load_table(spec.identifier)
    except NoSuchTableError:
        return None


def _create_namespace(catalog: Catalog, namespace: str) -> Outcome:
    if catalog.namespace_exists(namespace):
        return Outcome(namespace, Change.UNCHANGED)
    catalog.create_namespace_if_not_exists(namespace)
    return Outcome(namespace, Change.CREATED)


def _create(catalog: Catalog, spec: TableSpec) -> Outcome:
    schema = schema_of(spec)
    partitions = PartitionSpec(
        *(
            PartitionField(
                source_id=schema.find_field(name).field_id,
                field_id=_FIRST_PARTITION_FIELD_ID + position,
                transform=IdentityTransform(),
                name=name,
            )
            for position, name in enumerate(spec.partition_by)
        )
    )
    catalog.create_table(
        spec.identifier,
        schema=schema,
        partition_spec=partitions,
        properties={**spec.properties, "comment": spec.description},
    )
    return Outcome(spec.identifier, Change.CREATED)


def _evolve(table: Table, spec: TableSpec) -> Outcome:
    known = {field.name for field in table.schema().fields}
    columns = tuple(column for column in spec.columns if column.name not in known)
    wanted = {key: text for key, text in spec.properties.items() if key != "format-version"}
    stale = {key: text for key, text in wanted.items() if table.properties.get(key) != text}
    if columns or stale:
        with table.transaction() as transaction:
            if columns:
                with transaction.update_schema() as schema:
                    for column in columns:
                        schema.add_column(column.name, _type(column, None), doc=column.description)
            if stale:
                transaction.set_properties(stale)
    detail = tuple(f"added column {column.name}" for column in columns) + tuple(
        f"set {key}={text}" for key, text in stale.items()
    )
    return Outcome(spec.identifier, Change.EVOLVED if detail else Change.UNCHANGED, detail)
