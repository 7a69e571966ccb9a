"""Committed output equals a fresh render, and every output says what the structs say."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Any

import jinja2
import pytest
import yaml
from pyiceberg.schema import Schema

from contracts import render
from contracts.domain import DERIVED_TOPICS, DOMAINS, INPUT_TOPICS, DerivedTopic, Topic
from contracts.events import ControlRecord
from contracts.fields import Field, Kind, fields_of
from contracts.live import DERIVED_STRUCTS
from contracts.rendering import dbt, flink_ddl, iceberg, typescript
from contracts.tables import TABLES
from contracts.timestamps import epoch_ms
from contracts.zones import ZONES

ROOT = Path(__file__).parents[2]
FLINK_TYPES = {
    Kind.STRING: "string",
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "double",
    Kind.BOOLEAN: "boolean",
}
COLUMN = re.compile(r"^    `?(\w+)`? (.+?),?$", re.MULTILINE)


def committed(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def columns(sql: str) -> dict[str, str]:
    """Return the physical columns of a DDL statement with their types on one line."""
    body = sql[sql.index(" (\n") : sql.index(") with (")]
    body = re.sub(r"<\n\s+([^>]+?)\n\s+>", lambda m: f"<{' '.join(m[1].split())}>", body)
    return dict(COLUMN.findall(body))


def flink_type(field: Field) -> str:
    if field.kind is Kind.OBJECT:
        inner = ", ".join(f"{quoted(f.name)} {flink_type(f)}" for f in field.fields)
        return f"row <{inner}>"
    if field.kind is Kind.ARRAY:
        assert field.item is not None
        return f"array <{flink_type(field.item)}>"
    return FLINK_TYPES[field.kind]


def quoted(name: str) -> str:
    return f"`{name}`" if name in ("state", "method") else name


def test_committed_output_equals_a_fresh_render() -> None:
    assert render.differing(render.render(), ROOT) == []


@pytest.mark.parametrize("folder", ["sql/flink/tables", "contracts/rendered"])
def test_no_rendered_file_is_left_over(folder: str) -> None:
    found = {str(p.relative_to(ROOT)) for p in (ROOT / folder).rglob("*") if p.is_file()}
    assert found == {path for path in render.render() if path.startswith(folder)}


def test_output_does_not_depend_on_the_order_of_hashes() -> None:
    program = "from contracts.render import render; print(render())"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
def test_source_columns_are_the_struct_fields(topic: Topic) -> None:
    found = columns(committed(f"sql/flink/tables/{topic.domain}_{topic.entity}.sql"))
    wanted = {field.name: flink_type(field) for field in fields_of(topic.event)}
    wanted["event_time"] = "timestamp_ltz(3)"
    assert {name: found[name] for name in wanted} == wanted
    others = set(found) - set(wanted)
    assert others == {"kafka_partition", "kafka_offset", "kafka_timestamp", "rowtime", "watermark"}


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
def test_late_columns_are_the_struct_fields(topic: Topic) -> None:
    found = columns(committed(f"sql/flink/tables/{topic.domain}_{topic.entity}_late.sql"))
    wanted = {field.name: flink_type(field) for field in fields_of(topic.event)}
    assert found == wanted | {"event_time": "timestamp_ltz(3)"}


@pytest.mark.parametrize("topic", DERIVED_TOPICS, ids=lambda topic: topic.name)
def test_sink_columns_are_the_struct_fields(topic: DerivedTopic) -> None:
    sql = committed(f"sql/flink/tables/{topic.domain}_{topic.entity}.sql")
    fields = fields_of(DERIVED_STRUCTS[topic.name])
    assert columns(sql) == {field.name: flink_type(field) for field in fields}
    assert f"'key.fields' = '{';'.join(topic.key_fields)}'" in sql


def test_raw_columns_are_those_of_bronze() -> None:
    bronze = [column.name for column in TABLES[0].columns if column.name.startswith(("_k", "_r"))]
    raw = columns(committed("sql/flink/tables/raw_records.sql"))
    assert sorted(raw) == sorted(bronze)


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
def test_rowtime_is_bounded_by_the_range_of_the_domain(topic: Topic) -> None:
    sql = committed(f"sql/flink/tables/{topic.domain}_{topic.entity}.sql")
    bounds = [int(number) for number in re.findall(r"to_timestamp_ltz\((\d+), 3\)", sql)]
    domain = DOMAINS[topic.domain]
    assert bounds == [domain.earliest_ms, domain.latest_ms, 0]


def test_placeholders_are_the_documented_ones_and_headers_complete() -> None:
    for path in (ROOT / "sql/flink/tables").iterdir():
        text = path.read_text(encoding="utf-8")
        declared = re.search(r"^-- Placeholders: (.+)\.$", text, re.MULTILINE)
        assert declared is not None, path.name
        assert sorted(Template(text).get_identifiers()) == sorted(declared[1].split(", "))
        for title in ("Purpose", "Input", "Output", "Key", "Event time", "Lateness"):
            assert f"-- {title}: " in text, (path.name, title)
        sources = {*flink_ddl.SOURCE_PLACEHOLDERS, *flink_ddl.EVENT_PLACEHOLDERS}
        assert set(Template(text).get_identifiers()) <= sources


def test_pyiceberg_reads_every_column_type_and_no_id_occurs_twice() -> None:
    tables = json.loads(committed(iceberg.PATH))
    assert set(tables) == {spec.identifier for spec in TABLES}
    for spec in tables.values():
        maps = {ids["column"]: ids for ids in spec["map_ids"]}
        schema = Schema.model_validate(
            {
                "type": "struct",
                "schema-id": 0,
                "fields": [iceberg_field(column, maps) for column in spec["columns"]],
            }
        )
        ids = [*schema.field_ids, *(i for m in maps.values() for i in (m["key_id"], m["value_id"]))]
        assert len({*ids}) == len(spec["columns"]) + 2 * len(maps)
        for column in maps:
            assert schema.find_field(column).field_type.is_struct is False


def iceberg_field(column: dict[str, Any], maps: dict[str, Any]) -> dict[str, Any]:
    kind: Any = column["type"]
    if kind.startswith("map<"):
        ids = maps[column["name"]]
        key, value = kind.removeprefix("map<").removesuffix(">").split(", ")
        kind = {
            "type": "map",
            "key-id": ids["key_id"],
            "key": key,
            "value-id": ids["value_id"],
            "value": value,
            "value-required": False,
        }
    return {
        "id": column["field_id"],
        "name": column["name"],
        "type": kind,
        "required": column["is_required"],
    }


def test_dbt_sources_are_the_tables() -> None:
    sources = yaml.safe_load(committed(dbt.SOURCES_PATH))["sources"]
    assert [(s["name"], s["database"], s["schema"]) for s in sources] == [
        (namespace, "lake", namespace) for namespace in ("bronze", "stream")
    ]
    found = {f"{s['name']}.{table['name']}": table for s in sources for table in s["tables"]}
    assert set(found) == {spec.identifier for spec in TABLES}
    for spec in TABLES:
        table = found[spec.identifier]
        assert table["description"].startswith("One row per ")
        assert [c["name"] for c in table["columns"]] == [c.name for c in spec.columns]
        assert all(column["description"] for column in table["columns"])


def macro(name: str) -> dict[str, Any]:
    """Return what a rendered macro gives dbt."""
    results: list[dict[str, Any]] = []
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 (SQL, not HTML)
    environment.globals["return"] = results.append
    template = environment.from_string(committed(dbt.FIELDS_PATH))
    getattr(template.module, name)()
    return results[0]


def flat(fields: tuple[Field, ...], parents: tuple[str, ...] = ()) -> dict[tuple[str, ...], Field]:
    found: dict[tuple[str, ...], Field] = {}
    for field in fields:
        path = (*parents, field.name)
        found |= {path: field, **flat(field.fields, path)}
    return found


def check_rows(rows: list[dict[str, Any]], wanted: dict[tuple[str, ...], Field]) -> None:
    assert [tuple(row["path"]) for row in rows] == list(wanted)
    for row, field in zip(rows, wanted.values(), strict=True):
        assert row["type"] == field.kind.value
        assert row["required"] is field.is_required
        assert row["nullable"] is field.is_nullable
        assert row.get("enum", []) == list(field.enum)
        limits = (row.get("ge"), row.get("gt"), row.get("le"))
        assert limits == (field.minimum, field.exclusive_minimum, field.maximum)
        text_limits = (row.get("min_length"), row.get("max_length"), row.get("pattern"))
        assert text_limits == (field.min_length, field.max_length, field.pattern)
        assert row.get("items") == (field.item.kind.value if field.item else None)


def test_dbt_macros_say_what_the_structs_say() -> None:
    topics = macro("contract_fields")
    assert set(topics) == {topic.name for topic in INPUT_TOPICS}
    for topic in INPUT_TOPICS:
        found, domain = topics[topic.name], DOMAINS[topic.domain]
        assert f"bronze.{found['bronze_table']}" == topic.bronze_table
        assert epoch_ms(found["earliest"] + "Z") == domain.earliest_ms
        assert epoch_ms(found["latest"] + "Z") == domain.latest_ms
        check_rows(found["fields"], flat(fields_of(topic.event)))
    limits = macro("contract_limits")
    check_rows(limits["control"]["fields"], flat(fields_of(ControlRecord)))
    assert limits["control_types"] == ["stream_end", "stream_heartbeat"]
    assert (limits["max_record_bytes"], limits["schema_version"]) == (1_048_576, 1)


def test_the_seed_of_zones_is_the_table_of_zones() -> None:
    rows = list(csv.DictReader(io.StringIO(committed(dbt.ZONES_PATH))))
    assert [(int(row["zone_id"]), row["name"]) for row in rows] == [
        (zone.zone_id, zone.name) for zone in ZONES
    ]


@pytest.mark.parametrize("struct", typescript.STRUCTS, ids=lambda struct: struct.__name__)
def test_typescript_interfaces_are_the_structs(struct: type[Any]) -> None:
    text = committed(typescript.PATH)
    found = re.search(rf"export interface {struct.__name__} {{\n(.*?)\n}}", text, re.DOTALL)
    assert found is not None
    members = dict(re.findall(r"^  (\w+)\??: (.+);$", found[1], re.MULTILINE))
    members.pop("type", None)
    fields = {field.name: field for field in fields_of(struct)}
    assert list(members) == list(fields)
    for name, field in fields.items():
        assert members[name].endswith(" | null") is field.is_nullable
