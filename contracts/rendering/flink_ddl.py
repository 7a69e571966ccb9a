"""Flink SQL: one file per topic with its `create temporary table`.

The files are templates for `string.Template.substitute`.

Input topics become sources whose `rowtime` column is never NULL and never absurd, derived topics
become sinks, and two tables carry raw bytes: every input topic (source) and every DLQ topic (sink).
"""

from collections.abc import Mapping
from textwrap import wrap
from typing import Final

from contracts.domain import (
    DERIVED_TOPICS,
    DLQ_HEADERS,
    DOMAINS,
    INPUT_TOPICS,
    DerivedTopic,
    Domain,
    Topic,
)
from contracts.events import CONTROL_TYPES, SCHEMA_VERSION
from contracts.fields import Field, Kind, fields_of, summary
from contracts.live import DERIVED_STRUCTS
from contracts.timestamps import rfc3339

FOLDER: Final = "sql/flink/tables"
ROWTIME: Final = "rowtime"
SOURCE_PLACEHOLDERS: Final = (
    "bootstrap_servers",
    "group_id",
    "scan_startup_mode",
    "scan_bounded_mode",
)
EVENT_PLACEHOLDERS: Final = (*SOURCE_PLACEHOLDERS, "watermark_delay_ms")
SINK_PLACEHOLDERS: Final = ("bootstrap_servers",)
_LONGEST_ROW: Final = 90
_LONGEST_LINE: Final = 110
_RESERVED: Final = frozenset({"method", "state"})
_SCALARS: Final = {
    Kind.STRING: "string",
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "double",
    Kind.BOOLEAN: "boolean",
}
_METADATA: Final = (
    "kafka_partition int metadata from 'partition' virtual",
    "kafka_offset bigint metadata from 'offset' virtual",
    "kafka_timestamp timestamp_ltz(3) metadata from 'timestamp' virtual",
)
_SOURCE_OPTIONS: Final = (
    "'connector' = 'kafka'",
    "'topic' = '{topic}'",
    "'properties.bootstrap.servers' = '${{bootstrap_servers}}'",
    "'properties.group.id' = '${{group_id}}'",
    "'properties.auto.offset.reset' = 'earliest'",
    "'scan.startup.mode' = '${{scan_startup_mode}}'",
    "'scan.bounded.mode' = '${{scan_bounded_mode}}'",
)
_SINK_OPTIONS: Final = (
    "'connector' = 'kafka'",
    "'topic' = '{topic}'",
    "'properties.bootstrap.servers' = '${{bootstrap_servers}}'",
    "'properties.compression.type' = 'lz4'",
    "'properties.linger.ms' = '5'",
    "'properties.batch.size' = '131072'",
)
_AT_LEAST_ONCE: Final = (
    "At least once: a repeat has the same key, so it changes nothing for a reader that keeps the "
    "newest; a transaction would hold results back until the next checkpoint."
)
_JSON: Final = "'json.timestamp-format.standard' = 'ISO-8601'"


def render() -> dict[str, str]:
    """Return every DDL file by its path from the repository root."""
    files = {path(topic): source_table(topic) for topic in INPUT_TOPICS}
    files |= {f"{FOLDER}/{table_name(topic)}_late.sql": late_table(topic) for topic in INPUT_TOPICS}
    files |= {path(topic): sink_table(topic) for topic in DERIVED_TOPICS}
    files[f"{FOLDER}/raw_records.sql"] = raw_records()
    files[f"{FOLDER}/dlq_records.sql"] = dlq_records()
    return files


def path(topic: Topic | DerivedTopic) -> str:
    """Return the path of a topic's DDL file from the repository root."""
    return f"{FOLDER}/{table_name(topic)}.sql"


def table_name(topic: Topic | DerivedTopic) -> str:
    """Return the name of a topic's table in Flink SQL."""
    return f"{topic.domain}_{topic.entity}"


def flink_type(field: Field) -> str:
    """Return the Flink SQL type of a field.

    Integers are always `bigint`, so a new bound never changes a type.
    """
    if field.kind is Kind.OBJECT:
        inner = [f"{_quoted(f.name)} {flink_type(f)}" for f in field.fields]
        one_line = f"row <{', '.join(inner)}>"
        if len(one_line) <= _LONGEST_ROW:
            return one_line
        return "row <\n        " + ",\n        ".join(inner) + "\n    >"
    if field.kind is Kind.ARRAY and field.item is not None:
        return f"array <{flink_type(field.item)}>"
    return _SCALARS[field.kind]


def source_table(topic: Topic) -> str:
    """Return the DDL of an input topic as an event-time source."""
    domain = DOMAINS[topic.domain]
    columns = [_event_column(field) for field in fields_of(topic.event)]
    columns += [*_METADATA, *_rowtime(topic, domain)]
    options = [
        *(option.format(topic=topic.name) for option in _SOURCE_OPTIONS),
        "'format' = 'json'",
        "'json.ignore-parse-errors' = 'true'",
        _JSON,
    ]
    header = {
        "Purpose": f"read {topic.name}. {summary(topic.event)}",
        "Input": f"Kafka topic {topic.name}, one JSON object per record.",
        "Output": f"table {table_name(topic)}. Control records (stream_heartbeat, stream_end) and "
        "malformed records are rows too, with NULL where a field is missing or unreadable: filter "
        "on event_type and on the fields you use.",
        "Key": f"{topic.key_field}.",
        "Event time": f"{ROWTIME} = event_time, or epoch 0 where event_time is NULL, unreadable or "
        f"outside the domain's range {rfc3339(domain.earliest_ms)} to {rfc3339(domain.latest_ms)}, "
        "or where the envelope is not that of an event or a control record of this release. A NULL "
        "would stop the job, a far one would make all others late; epoch 0 never moves the "
        "watermark.",
        "Lateness": "watermark = newest rowtime of the partition - watermark_delay_ms.",
    }
    return _file(header, EVENT_PLACEHOLDERS, table_name(topic), columns, options)


def sink_table(topic: DerivedTopic) -> str:
    """Return the DDL of a derived topic as a sink."""
    struct = DERIVED_STRUCTS[topic.name]
    header = {
        "Purpose": f"write {topic.name}. {summary(struct)}",
        "Input": f"rows of contracts.live.{struct.__name__}.",
        "Output": f"Kafka topic {topic.name}, one JSON object per record.",
        "Key": f"{', '.join(topic.key_fields)}. {_AT_LEAST_ONCE}",
        "Event time": "in the columns that end in _ms (epoch milliseconds).",
        "Lateness": "decided by the job that writes.",
    }
    return _json_sink(header, table_name(topic), topic.name, fields_of(struct), topic.key_fields)


def late_table(topic: Topic) -> str:
    """Return the DDL of the topic that takes an input topic's late records, as a sink."""
    header = {
        "Purpose": f"write the records of {topic.name} that came later than a job allows.",
        "Input": f"rows of contracts.events.{topic.event.__name__}.",
        "Output": f"Kafka topic {topic.late}, one JSON object per record.",
        "Key": f"{topic.key_field}. At least once: event_id identifies a repeat.",
        "Event time": "event_time.",
        "Lateness": "every row is late.",
    }
    name = f"{table_name(topic)}_late"
    return _json_sink(header, name, topic.late, fields_of(topic.event), (topic.key_field,))


def raw_records() -> str:
    """Return the DDL of all input topics as bytes, with the column names of the Bronze tables."""
    columns = [
        "_raw_value bytes",
        "_kafka_key bytes",
        "_kafka_topic string metadata from 'topic' virtual",
        "_kafka_partition int metadata from 'partition' virtual",
        "_kafka_offset bigint metadata from 'offset' virtual",
        "_kafka_timestamp timestamp_ltz(3) metadata from 'timestamp' virtual",
        "_kafka_headers map <string, bytes> metadata from 'headers' virtual",
    ]
    names = ";".join(topic.name for topic in INPUT_TOPICS)
    options = [
        *(option.format(topic=names) for option in _SOURCE_OPTIONS),
        "'key.format' = 'raw'",
        "'key.fields' = '_kafka_key'",
        "'value.format' = 'raw'",
        "'value.fields-include' = 'EXCEPT_KEY'",
    ]
    header = {
        "Purpose": "read every input topic of every domain byte for byte.",
        "Input": "all input topics, any content, tombstones included.",
        "Output": "table raw_records, columns named as in the Bronze tables.",
        "Key": "the record key as bytes, NULL where there is none.",
        "Event time": "none; this table has no watermark.",
        "Lateness": "none.",
    }
    return _file(header, SOURCE_PLACEHOLDERS, "raw_records", columns, options)


def dlq_records() -> str:
    """Return the DDL of all DLQ topics as one sink.

    The column `topic` says which one a row goes to.
    """
    columns = [
        "_raw_value bytes",
        "_kafka_key bytes",
        "topic string metadata from 'topic'",
        "headers map <string, bytes> metadata from 'headers'",
    ]
    names = ";".join(topic.dlq for topic in INPUT_TOPICS)
    options = [
        *(option.format(topic=names) for option in _SINK_OPTIONS),
        "'properties.max.request.size' = '16777216'",
        "'sink.delivery-guarantee' = 'at-least-once'",
        "'key.format' = 'raw'",
        "'key.fields' = '_kafka_key'",
        "'value.format' = 'raw'",
        "'value.fields-include' = 'EXCEPT_KEY'",
    ]
    header = {
        "Purpose": "write malformed records to the DLQ topic of their input topic.",
        "Input": "the original bytes of malformed records.",
        "Output": "the topic named by the column topic, with the headers "
        f"{', '.join(DLQ_HEADERS)}.",
        "Key": "the original record key, NULL where there was none. At least once: the headers "
        "topic, partition and offset identify a repeat.",
        "Event time": "none.",
        "Lateness": "none.",
    }
    return _file(header, SINK_PLACEHOLDERS, "dlq_records", columns, options)


def _quoted(name: str) -> str:
    return f"`{name}`" if name in _RESERVED else name


def _event_column(field: Field) -> str:
    if field.name == "event_time":
        return "event_time timestamp_ltz(3)"
    return f"{_quoted(field.name)} {flink_type(field)}"


def _rowtime(topic: Topic, domain: Domain) -> tuple[str, ...]:
    [kind] = [field for field in fields_of(topic.event) if field.name == "event_type"]
    types = ", ".join(f"'{name}'" for name in (*kind.enum, *CONTROL_TYPES))
    return (
        f"{ROWTIME} as case\n"
        "        when\n"
        f"            schema_version = {SCHEMA_VERSION}\n"
        f"            and event_type in ({types})\n"
        "            and event_id <> ''\n"
        "            and run_id <> ''\n"
        f"            and event_time between to_timestamp_ltz({domain.earliest_ms}, 3)"
        f" and to_timestamp_ltz({domain.latest_ms}, 3)\n"
        "            then event_time\n"
        "        else to_timestamp_ltz(0, 3)\n"
        "    end",
        f"watermark for {ROWTIME} as {ROWTIME} - interval '0.001' second * ${{watermark_delay_ms}}",
    )


def _json_sink(
    header: Mapping[str, str],
    name: str,
    topic_name: str,
    fields: tuple[Field, ...],
    key_fields: tuple[str, ...],
) -> str:
    kinds = {field.name: field.kind for field in fields}
    is_text_key = [kinds[key] for key in key_fields] == [Kind.STRING]
    options = [
        *(option.format(topic=topic_name) for option in _SINK_OPTIONS),
        "'sink.delivery-guarantee' = 'at-least-once'",
        f"'key.format' = '{'raw' if is_text_key else 'json'}'",
        f"'key.fields' = '{';'.join(key_fields)}'",
        "'value.format' = 'json'",
        f"'value.{_JSON[1:]}",
        "'value.fields-include' = 'ALL'",
    ]
    return _file(
        header, SINK_PLACEHOLDERS, name, [_event_column(field) for field in fields], options
    )


def _file(
    header: Mapping[str, str],
    placeholders: tuple[str, ...],
    name: str,
    columns: list[str],
    options: list[str],
) -> str:
    lines = ["-- Rendered from contracts by `make contracts`; do not edit."]
    for title, text in {**header, "Placeholders": f"{', '.join(placeholders)}."}.items():
        lines += wrap(f"{title}: {text}", 110, initial_indent="-- ", subsequent_indent="--   ")
    if any(len(option) > _LONGEST_LINE for option in options):
        lines.append("-- noqa: disable=LT05")
    lines += [f"create temporary table {name} (", ",\n".join(f"    {column}" for column in columns)]
    lines += [") with (", ",\n".join(f"    {option}" for option in options), ");"]
    return "\n".join(lines) + "\n"
