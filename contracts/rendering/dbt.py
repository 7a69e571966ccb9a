"""What dbt reads: sources, the rules of validity as macros, and the zones as a seed."""

import csv
import io
import json
from typing import Any, Final

from contracts.domain import DOMAINS, INPUT_TOPICS, Topic
from contracts.events import CONTROL_TYPES, MAX_RECORD_BYTES, SCHEMA_VERSION, ControlRecord
from contracts.fields import Field, fields_of
from contracts.tables import BRONZE_TABLES, CATALOG, DLQ_TABLES, STREAM_TABLES, TableSpec
from contracts.timestamps import rfc3339
from contracts.zones import ZONES

SOURCES_PATH: Final = "dbt/models/bronze/sources.yml"
FIELDS_PATH: Final = "dbt/macros/rendered/contract_fields.sql"
ZONES_PATH: Final = "dbt/seeds/zones.csv"
ZONE_COLUMNS: Final = (
    "zone_id",
    "acronym",
    "name",
    "subprefecture",
    "lat",
    "lon",
    "area_km2",
    "cell_count",
)
NOTE: Final = "Rendered from contracts by `make contracts`; do not edit."


def render() -> dict[str, str]:
    """Return every file for dbt by its path from the repository root."""
    return {SOURCES_PATH: sources(), FIELDS_PATH: contract_fields(), ZONES_PATH: zones()}


def sources() -> str:
    """Return the tables that jobs write as dbt sources."""
    lines = [f"# {NOTE}", "sources:"]
    lines += _source(
        "bronze",
        "Kafka records as they came, written by the job ingest_bronze.",
        BRONZE_TABLES + DLQ_TABLES,
    )
    lines += _source("stream", "Results of the stream, as their jobs gave them out.", STREAM_TABLES)
    return "\n".join(lines) + "\n"


def _source(name: str, description: str, tables: tuple[TableSpec, ...]) -> list[str]:
    lines = [
        f"  - name: {name}",
        f"    description: {description}",
        f"    database: {CATALOG}",
        f"    schema: {name}",
        "    tables:",
    ]
    for spec in tables:
        lines += [f"      - name: {spec.name}", f"        description: {_quoted(spec.description)}"]
        lines.append("        columns:")
        for column in spec.columns:
            lines.append(f"          - name: {column.name}")
            lines.append(f"            description: {_quoted(column.description)}")
    return lines


def contract_fields() -> str:
    """Return two macros: the fields of every topic, and the limits of all records.

    `contract_fields()[topic]` has `bronze_table`, `earliest` and `latest` (UTC, both inclusive) and
    `fields`, a list of `path`, `type`, `required`, `nullable` and, where they apply, `enum`,
    `pattern`, `min_length`, `max_length`, `ge`, `gt`, `le`, `items`. A field inside an object
    follows its object and has a longer path.
    """
    topics = {topic.name: _topic(topic) for topic in INPUT_TOPICS}
    limits = {
        "max_record_bytes": MAX_RECORD_BYTES,
        "schema_version": SCHEMA_VERSION,
        "control_types": list(CONTROL_TYPES),
        "control": {"fields": _rows(fields_of(ControlRecord))},
    }
    return (
        "{#-\n"
        f"  {NOTE}\n"
        "  What makes a record well formed, from the same structs as contracts.validation.\n"
        "-#}\n"
        f"{macro('contract_fields', topics)}\n\n{macro('contract_limits', limits)}"
    )


def zones() -> str:
    """Return the zones as a seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ZONE_COLUMNS)
    writer.writerows([getattr(zone, column) for column in ZONE_COLUMNS] for zone in ZONES)
    return text.getvalue()


def _topic(topic: Topic) -> dict[str, Any]:
    domain = DOMAINS[topic.domain]
    return {
        "bronze_table": topic.bronze_table.split(".", 1)[1],
        "earliest": _sql_timestamp(domain.earliest_ms),
        "latest": _sql_timestamp(domain.latest_ms),
        "fields": _rows(fields_of(topic.event)),
    }


def _sql_timestamp(moment_ms: int) -> str:
    return rfc3339(moment_ms).replace("T", " ").removesuffix("Z")


def _rows(fields: tuple[Field, ...], parents: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for field in fields:
        path = (*parents, field.name)
        rows.append(_row(field, path))
        rows += _rows(field.fields, path)
    return rows


def _row(field: Field, path: tuple[str, ...]) -> dict[str, Any]:
    limits = {
        "enum": list(field.enum) or None,
        "pattern": field.pattern,
        "min_length": field.min_length,
        "max_length": field.max_length,
        "ge": field.minimum,
        "gt": field.exclusive_minimum,
        "le": field.maximum,
        "items": field.item.kind.value if field.item else None,
    }
    return {
        "path": list(path),
        "type": field.kind.value,
        "required": field.is_required,
        "nullable": field.is_nullable,
        **{name: value for name, value in limits.items() if value is not None},
    }


def macro(name: str, value: dict[str, Any]) -> str:
    """Return a macro without arguments that returns this value."""
    return f"{{% macro {name}() -%}}\n{{{{ return({_literal(value, 0)}) }}}}\n{{%- endmacro %}}\n"


def _literal(value: Any, depth: int) -> str:
    """Return a value as a Jinja literal, one field a line; JSON is one."""
    if isinstance(value, dict) and not ("path" in value and "type" in value):
        return _block(
            "{}", [f"{json.dumps(k)}: {_literal(v, depth + 1)}" for k, v in value.items()], depth
        )
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _block("[]", [_literal(item, depth + 1) for item in value], depth)
    return json.dumps(value)


def _block(brackets: str, items: list[str], depth: int) -> str:
    indent = "    " * (depth + 1)
    inner = ",\n".join(f"{indent}{item}" for item in items)
    return f"{brackets[0]}\n{inner},\n{'    ' * depth}{brackets[1]}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
