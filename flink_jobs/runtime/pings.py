"""The views over GPS pings that several jobs share: what is valid, on time, and what came before.

SQL in `sql/flink/views`; the values of its placeholders come from the contracts.
"""

from typing import Final

from pyflink.table import StreamTableEnvironment

from contracts.events import SCHEMA_VERSION, DriverStatus, EntityType
from contracts.rules import EARTH_RADIUS_M, GPS_OUT_OF_ORDERNESS_MS
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
    table.execute_sql(
        statement(
            f"tables/{SOURCE}.sql",
            **source_values(settings),
            watermark_delay_ms=watermark_delay_ms,
        )
    )


def register_valid(table: StreamTableEnvironment, source: str) -> None:
    """Register `valid_pings` over a table or view with the columns of the source."""
    table.execute_sql(
        statement(
            "views/valid_pings.sql",
            source=source,
            schema_version=SCHEMA_VERSION,
            entity_types=text_list(EntityType),
            driver_statuses=text_list(DriverStatus),
        )
    )


def register_movements(
    table: StreamTableEnvironment, settings: JobSettings, start_wall_ms: int
) -> None:
    """Register `valid_pings` of all that is retained, and `movements` of drivers over it."""
    register_source(table, settings, WATERMARK_DELAY_MS)
    table.execute_sql(statement("views/retained_pings.sql", start_wall_ms=start_wall_ms))
    table.execute_sql(statement("views/timed_pings.sql"))
    register_valid(table, "timed_pings")
    table.execute_sql(
        statement("views/consecutive_pings.sql", allowance_ms=GPS_OUT_OF_ORDERNESS_MS)
    )
    table.execute_sql(statement("views/movements.sql", earth_radius_m=EARTH_RADIUS_M))
