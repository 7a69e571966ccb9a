"""Zone metrics of an interval out of Bronze, over a bounded stream.

Trips and drivers are followed by the functions of the running job, which take records in any order;
counts need the whole past, so all of Bronze up to the end of the interval is read. A trip that
never ended stays open here, where the running job forgets it after some hours. Input:
bronze.rideshare_trips, bronze.rideshare_driver_status. Output: rows as on rideshare.zone_metrics.
"""

from typing import Final

from pyflink.common import Types
from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import DRIVER_STATUS, TRIPS
from flink_jobs.functions import surge_rows
from flink_jobs.functions.surge import Admission, Presence
from flink_jobs.functions.surge_backfill import ZoneReplay
from flink_jobs.jobs.backfill.inputs import OPTIONS, interval_ms, query, results
from flink_jobs.runtime.environment import CATALOG, prefer, use_lake
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "backfill_surge"
_FLINK: Final = {
    # By default each key beyond 1,000 costs a round trip to the JVM.
    "python.state.cache-size": "50000",
    "python.fn-execution.bundle.size": "2000",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: the metrics of the interval."""
    from_ms, to_ms = interval_ms(settings)
    prefer(table, settings, _FLINK)
    use_lake(table, settings)
    table.execute_sql(
        statement(
            "jobs/backfill/surge_records.sql",
            trips=f"{CATALOG}.{TRIPS.bronze_table}",
            driver_status=f"{CATALOG}.{DRIVER_STATUS.bronze_table}",
        )
    )
    records = table.to_data_stream(table.from_path("surge_records"))
    metrics = (
        records.process(Admission(), output_type=surge_rows.FACT)
        .key_by(surge_rows.entity_key, key_type=Types.STRING())
        .process(Presence(), output_type=surge_rows.DELTA)
        .key_by(surge_rows.zone_key, key_type=Types.LONG())
        .process(ZoneReplay(from_ms, to_ms), output_type=surge_rows.METRICS)
    )
    table.create_temporary_view("surge_metrics", metrics)
    statements = table.create_statement_set()
    windows = table.sql_query(query("jobs/surge/insert_metrics.sql"))
    statements.add_insert(*results(settings, windows))
    return statements


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
