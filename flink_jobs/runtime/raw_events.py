"""Topics byte for byte with a watermark, for jobs that must tell late from malformed themselves.

SQL in `sql/flink/views`: `raw_events` is the source, `late_records` the topic for what comes late.
"""

from collections.abc import Sequence
from typing import Final

from pyflink.table import StreamTableEnvironment

from contracts.domain import (
    DLQ_MAX_MESSAGE_BYTES,
    DOMAINS,
    INPUT_MAX_MESSAGE_BYTES,
    Topic,
)
from contracts.events import CONTROL_TYPES, SCHEMA_VERSION
from contracts.timestamps import rfc3339
from flink_jobs.runtime.settings import JobSettings, Option
from flink_jobs.runtime.sql import statement, text_list

OPTIONS: Final = (
    Option(
        "idle-timeout-s", 0, "wall seconds after which a silent partition is ignored, 0 = never"
    ),
    Option("start-wall-ms", 0, "read records from this Kafka timestamp on, 0 = all retained"),
)


def source_values(
    settings: JobSettings,
    topics: Sequence[Topic],
    event_types: Sequence[str],
    watermark_delay_ms: int,
) -> dict[str, object]:
    """Return the placeholders of a raw source of topics of one domain."""
    domain = DOMAINS[topics[0].domain]
    return {
        "topic": ";".join(topic.name for topic in topics),
        "bootstrap_servers": settings.bootstrap_servers,
        "group_id": settings.group_id,
        "max_record_bytes": INPUT_MAX_MESSAGE_BYTES,
        "start_wall_ms": settings.options["start-wall-ms"],
        "bound": "latest-offset" if settings.is_bounded else "unbounded",
        "schema_version": SCHEMA_VERSION,
        "event_types": text_list((*event_types, *CONTROL_TYPES)),
        "earliest": _sql_timestamp(domain.earliest_ms),
        "latest": _sql_timestamp(domain.latest_ms),
        "watermark_delay_ms": watermark_delay_ms,
    }


def register_source(
    table: StreamTableEnvironment,
    settings: JobSettings,
    names: tuple[str, str],
    topics: Sequence[Topic],
    event_types: Sequence[str],
    watermark_delay_ms: int,
) -> None:
    """Register topics of one domain as one table, and a view of it with `high`.

    Args:
        table: Where to register.
        settings: Settings of the job; it has `OPTIONS`.
        names: Of the table and of the view.
        topics: Topics of one domain.
        event_types: What may move a watermark, control records aside.
        watermark_delay_ms: Behind the newest event time of each partition.
    """
    source, view = names
    values = source_values(settings, topics, event_types, watermark_delay_ms)
    table.execute_sql(statement("views/raw_events.sql", table=source, **values))
    table.execute_sql(statement("views/raw_high.sql", source=source, view=view))


def register_late(
    table: StreamTableEnvironment, settings: JobSettings, name: str, topic: Topic
) -> None:
    """Register the topic that takes a job's late records as a table of this name."""
    table.execute_sql(
        statement(
            "views/late_records.sql",
            table=name,
            topic=topic.late,
            bootstrap_servers=settings.bootstrap_servers,
            max_record_bytes=DLQ_MAX_MESSAGE_BYTES,
        )
    )


def _sql_timestamp(epoch_ms: int) -> str:
    return rfc3339(epoch_ms).replace("T", " ").removesuffix("Z")
