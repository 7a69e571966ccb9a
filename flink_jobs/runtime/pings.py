"""The views over GPS pings that several jobs share: what is valid, on time, and what came before.

SQL in `sql/flink/views`; the values of its placeholders come from the contracts.
"""

from typing import Final

from pyflink.table import StreamTableEnvironment

from contracts.events import SCHEMA_VERSION, DriverStatus, EntityType
from contracts.rules import GPS_OUT_OF_ORDERNESS_MS
from flink_jobs.logic.ping_windows import FIELD_END, RECORD_END
from flink_jobs.runtime.environment import source_values
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement, text_list

WATERMARK_DELAY_MS: Final = GPS_OUT_OF_ORDERNESS_MS + 1
"""One more than the allowance: a ping exactly at the limit is still on time."""
SOURCE: Final = "rideshare_gps_pings"


def register_source(
    table: StreamTableEnvironment, settings: JobSettings, watermark_delay_ms: int
) -> None:
    """Register the table of pings as the topic has them."""
    _register_topic(table, settings, SOURCE, watermark_delay_ms)


def register_timed(
    table: StreamTableEnvironment, settings: JobSettings, source: str, start_wall_ms: int
) -> str:
    """Register a rendered source from its beginning on, with `high`; return the view's name."""
    _register_topic(table, settings, source, WATERMARK_DELAY_MS)
    table.execute_sql(statement("views/retained.sql", source=source, start_wall_ms=start_wall_ms))
    table.execute_sql(statement("views/timed.sql", source=source))
    return f"{source}_timed"


def _register_topic(
    table: StreamTableEnvironment, settings: JobSettings, source: str, watermark_delay_ms: int
) -> None:
    table.execute_sql(
        statement(
            f"tables/{source}.sql",
            **source_values(settings),
            watermark_delay_ms=watermark_delay_ms,
        )
    )


def register_valid(table: StreamTableEnvironment, source: str) -> None:
    """Register `judged_pings` and `valid_pings` over a table or view with the source's columns."""
    table.execute_sql(
        statement(
            "views/judged_pings.sql",
            source=source,
            schema_version=SCHEMA_VERSION,
            entity_types=text_list(EntityType),
            driver_statuses=text_list(DriverStatus),
        )
    )
    table.execute_sql(statement("views/valid_pings.sql"))


def register_windows(table: StreamTableEnvironment, kept: str, window_ms: int) -> None:
    """Register `ping_windows` over `judged_pings`, wherever those come from.

    Args:
        table: Where.
        kept: Condition on the records that count; those of them that are no valid pings are in
            windows of an empty entity.
        window_ms: Length of the windows, whole seconds.
    """
    table.execute_sql(
        statement(
            "views/packed_pings.sql",
            kept=kept,
            allowance_ms=GPS_OUT_OF_ORDERNESS_MS,
            field_end=FIELD_END,
            record_end=RECORD_END,
        )
    )
    table.execute_sql(
        statement("views/ping_windows.sql", window_s=window_ms // 1000, record_end=RECORD_END)
    )


def register_links(table: StreamTableEnvironment) -> None:
    """Register `linked_windows` over `ping_windows`: each with the last ping before it."""
    table.execute_sql(statement("views/linked_windows.sql"))
