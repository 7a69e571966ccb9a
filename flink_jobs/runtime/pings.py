"""The views over GPS pings that several jobs share: what is valid, on time, and what came before.

SQL in `sql/flink/views`; the values of its placeholders come from the contracts.
"""

from collections.abc import Iterable
from typing import Final

from pyflink.table import StreamTableEnvironment

from contracts.anomalies import OUTLIER_ACCURACY_M
from contracts.events import SCHEMA_VERSION, DriverStatus, EntityType
from contracts.rules import EARTH_RADIUS_M, GPS_OUT_OF_ORDERNESS_MS
from flink_jobs.logic.gps_tiles import TILES_PER_DEGREE, tile_map
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
    table: StreamTableEnvironment,
    settings: JobSettings,
    start_wall_ms: int,
    entity_types: Iterable[EntityType],
) -> None:
    """Register `valid_pings` of all that is retained, and `movements` of these entities over it."""
    register_valid(table, register_timed(table, settings, SOURCE, start_wall_ms))
    register_legs(table, entity_types)


def register_legs(
    table: StreamTableEnvironment, entity_types: Iterable[EntityType], *, is_batch: bool = False
) -> None:
    """Register `movements` of these entities over `valid_pings`, wherever those come from.

    Args:
        table: Where.
        entity_types: Whose pings.
        is_batch: Of equal times a batch sorts by the place in the log, which a stream has kept.
    """
    tiles = tile_map()
    table.execute_sql(
        statement(
            "views/timely_pings.sql",
            entity_types=text_list(entity_types),
            allowance_ms=GPS_OUT_OF_ORDERNESS_MS,
            accuracy_limit_m=OUTLIER_ACCURACY_M,
            tiles_per_degree=TILES_PER_DEGREE,
            first_row=tiles.first_row,
            last_row=tiles.last_row,
            first_column=tiles.first_column,
            last_column=tiles.last_column,
            inner_tiles=tiles.inner,
        )
    )
    consecutive = "consecutive_pings_in_batch" if is_batch else "consecutive_pings"
    table.execute_sql(statement(f"views/{consecutive}.sql"))
    table.execute_sql(statement("views/movements.sql", earth_radius_m=EARTH_RADIUS_M))
