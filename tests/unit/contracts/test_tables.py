"""Bronze and DLQ specs: one pair per topic, the columns of the design, ids that never clash."""

import pytest

from contracts import tables
from contracts.domain import INPUT_TOPICS, DerivedTopic
from contracts.live import DERIVED_STRUCTS

BRONZE_COLUMNS = {
    "_raw_value": "binary",
    "_kafka_topic": "string",
    "_kafka_partition": "int",
    "_kafka_offset": "long",
    "_kafka_timestamp": "timestamptz",
    "_kafka_key": "binary",
    "_kafka_headers": "map<string, binary>",
    "_ingested_at": "timestamptz",
    "_ingestion_date": "date",
}


def test_every_topic_has_both_tables() -> None:
    wanted = {t.bronze_table for t in INPUT_TOPICS} | {t.dlq_table for t in INPUT_TOPICS}
    kafka_tables = tables.BRONZE_TABLES + tables.DLQ_TABLES
    assert {spec.identifier for spec in kafka_tables} == wanted
    assert len(kafka_tables) == 2 * len(INPUT_TOPICS)
    assert {spec.namespace for spec in tables.TABLES} <= set(tables.NAMESPACES)


@pytest.mark.parametrize("topic", tables.STREAM_TOPICS, ids=lambda topic: topic.name)
def test_results_have_the_fields_of_their_record(topic: DerivedTopic) -> None:
    spec = tables.table(topic.stream_table)
    assert spec.identifier == f"stream.{topic.domain}_{topic.entity}"
    own, kept = spec.columns[:2], spec.columns[2:]
    assert {(c.name, c.type) for c in own} == {
        ("_written_at", "timestamptz"),
        ("_written_date", "date"),
    }
    assert [c.name for c in kept] == list(DERIVED_STRUCTS[topic.name].__struct_fields__)
    assert [c.field_id for c in spec.columns] == list(range(1, len(spec.columns) + 1))
    assert {c.type for c in kept} <= {"string", "long", "double", "boolean"}
    assert spec.map_ids == ()
    assert spec.partition_by == ("_written_date",)
    assert spec.properties["format-version"] == "2"
    assert "write.parquet.row-group-check-min-record-count" not in spec.properties


@pytest.mark.parametrize(
    "spec", tables.BRONZE_TABLES + tables.DLQ_TABLES, ids=lambda spec: spec.identifier
)
def test_columns_ids_and_partition(spec: tables.TableSpec) -> None:
    added = {"error_type": "string", "error_message": "string"}
    wanted = BRONZE_COLUMNS | (added if spec.name.startswith("dlq_") else {})
    assert {column.name: column.type for column in spec.columns} == wanted
    assert [column.field_id for column in spec.columns] == list(range(1, len(wanted) + 1))
    nested = [number for ids in spec.map_ids for number in (ids.key_id, ids.value_id)]
    assert nested == [1001, 1002]
    assert spec.partition_by == ("_ingestion_date",)
    assert not any(column.is_required for column in spec.columns)
    assert spec.properties["format-version"] == "2"
    assert spec.description.startswith("One row per ")


def test_a_table_is_found_by_name_or_named_as_unknown() -> None:
    assert tables.table("bronze.taxi_trips").name == "taxi_trips"
    with pytest.raises(KeyError, match=r"no table 'bronze.taxi': known are bronze.rideshare_trips"):
        tables.table("bronze.taxi")


def test_properties_of_two_tables_are_not_the_same_object() -> None:
    first, second = tables.TABLES[:2]
    assert first.properties == second.properties
    assert first.properties is not second.properties
