"""Region windows of an interval out of Bronze, in Flink's batch mode.

The views from the trips on are those of the running job. Input: bronze.taxi_trips. Output: rows as
on taxi.region_windows, final ones only.
"""

from typing import Final

from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import TAXI_TRIPS
from contracts.rules import REGION_OUT_OF_ORDERNESS_MS, REGION_WINDOW_MS
from flink_jobs.functions.region_windows import taxi_trip
from flink_jobs.jobs.backfill.inputs import OPTIONS, interval_ms, query, results
from flink_jobs.runtime.environment import CATALOG, use_lake
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "backfill_region_windows"
_FOLDER: Final = "jobs/region_windows"


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: the windows of the interval."""
    from_ms, to_ms = interval_ms(settings)
    use_lake(table, settings)
    table.create_temporary_system_function("taxi_trip", taxi_trip)
    source = f"{CATALOG}.{TAXI_TRIPS.bronze_table}"
    allowance = {
        "allowance_ms": REGION_OUT_OF_ORDERNESS_MS,
        "window_s": REGION_WINDOW_MS // 1000,
    }
    for file, values in (
        ("jobs/backfill/region_records", {"source": source, "from_ms": from_ms, "to_ms": to_ms}),
        (f"{_FOLDER}/trips", {}),
        (f"{_FOLDER}/judged", allowance),
        (f"{_FOLDER}/finals", {}),
    ):
        table.execute_sql(statement(f"{file}.sql", **values))
    statements = table.create_statement_set()
    windows = table.sql_query(query(f"{_FOLDER}/insert_windows.sql"))
    statements.add_insert(*results(settings, windows))
    return statements


if __name__ == "__main__":
    run(JOB, build, OPTIONS, mode="BATCH")
