"""Windows of pings of an interval out of Bronze, in Flink's batch mode.

The views from the valid pings on are those of the running job. The pings just before the interval
are read too: a leg begins at the ping before. Input: bronze.rideshare_gps_pings. Output: rows as on
rideshare.gps_aggregates.
"""

from typing import Final

from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import GPS_PINGS
from contracts.rules import GPS_LEG_LIMIT_MS
from flink_jobs.jobs.backfill.inputs import OPTIONS, interval_ms, query, results
from flink_jobs.jobs.gps_aggregates import register_aggregates
from flink_jobs.runtime.environment import CATALOG, use_lake
from flink_jobs.runtime.pings import register_valid
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "backfill_gps_aggregates"


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: the windows of the interval."""
    from_ms, to_ms = interval_ms(settings)
    use_lake(table, settings)
    table.execute_sql(
        statement(
            "jobs/backfill/gps_pings.sql",
            source=f"{CATALOG}.{GPS_PINGS.bronze_table}",
            from_ms=from_ms - GPS_LEG_LIMIT_MS,
            to_ms=to_ms,
        )
    )
    register_valid(table, "backfill_pings")
    register_aggregates(table)
    statements = table.create_statement_set()
    windows = table.sql_query(query("jobs/gps_aggregates/insert_topic.sql"))
    in_the_interval = windows.filter(windows.window_start_ms >= from_ms)
    statements.add_insert(*results(settings, in_the_interval))
    return statements


if __name__ == "__main__":
    run(JOB, build, OPTIONS, mode="BATCH")
