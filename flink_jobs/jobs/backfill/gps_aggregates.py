"""Windows of pings of an interval out of Bronze, in Flink's batch mode.

The views from the valid pings on are those of the running job. The pings just before the interval
are read too: a leg begins at the ping before. Input: bronze.rideshare_gps_pings. Output: rows as on
rideshare.gps_aggregates.
"""

from typing import Final

from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import GPS_PINGS
from contracts.events import DriverStatus, EntityType
from contracts.rules import GPS_LEG_LIMIT_MS, GPS_WINDOW_MS, IMPOSSIBLE_SPEED_KMH
from flink_jobs.functions.zones import zone_of
from flink_jobs.jobs.backfill.inputs import OPTIONS, interval_ms, query, results
from flink_jobs.runtime.environment import CATALOG, use_lake
from flink_jobs.runtime.pings import register_legs, register_valid
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "backfill_gps_aggregates"
_FOLDER: Final = "jobs/gps_aggregates"


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: the windows of the interval."""
    from_ms, to_ms = interval_ms(settings)
    use_lake(table, settings)
    table.create_temporary_system_function("zone_of", zone_of)
    table.execute_sql(
        statement(
            "jobs/backfill/gps_pings.sql",
            source=f"{CATALOG}.{GPS_PINGS.bronze_table}",
            from_ms=from_ms - GPS_LEG_LIMIT_MS,
            to_ms=to_ms,
        )
    )
    register_valid(table, "backfill_pings")
    register_legs(table, (EntityType.DRIVER,), is_batch=True)
    legs = {"leg_limit_ms": GPS_LEG_LIMIT_MS, "speed_limit_kmh": IMPOSSIBLE_SPEED_KMH}
    for file, values in (
        (f"{_FOLDER}/legs", legs),
        (f"{_FOLDER}/pings_once", {"window_s": GPS_WINDOW_MS // 1000}),
        (f"{_FOLDER}/aggregates", {"idle": DriverStatus.AVAILABLE.value}),
    ):
        table.execute_sql(statement(f"{file}.sql", **values))
    statements = table.create_statement_set()
    windows = table.sql_query(query(f"{_FOLDER}/insert_topic.sql"))
    in_the_interval = windows.filter(windows.window_start_ms >= from_ms)
    statements.add_insert(*results(settings, in_the_interval))
    return statements


if __name__ == "__main__":
    run(JOB, build, OPTIONS, mode="BATCH")
