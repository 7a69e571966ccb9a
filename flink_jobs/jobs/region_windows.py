"""One-minute windows of replayed taxi trips by pickup zone: count, averages, p50, p95 and p99.

Input: taxi.trips. Output: taxi.region_windows and the Iceberg table of its final windows, late
trips to `<topic>.late`. A window is given out when it closes, and before that after each of its
trips, marked as not final: early results are a branch of their own, which final ones never wait
for. A watermark never goes back, so a replay of an earlier time into a job that has seen a later
one is late as a whole and lands on the late topic. To replay again: stop the job, then start it
without a savepoint and with `--start-wall-ms <now>`, so that it does not read the later trips
first.
"""

from typing import Final

from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import (
    REGION_WINDOWS,
    TAXI_TRIPS,
)
from contracts.rules import REGION_OUT_OF_ORDERNESS_MS, REGION_WINDOW_MS
from flink_jobs.functions.region_windows import taxi_trip
from flink_jobs.logic.region_windows import WATERMARK_DELAY_MS
from flink_jobs.runtime import raw_events
from flink_jobs.runtime.environment import CATALOG, use_lake
from flink_jobs.runtime.settings import JobSettings, Option
from flink_jobs.runtime.sql import quoted, statement
from flink_jobs.runtime.submission import run

JOB: Final = "region_windows"
OPTIONS: Final = (
    *raw_events.OPTIONS,
    Option("early-results", 1, "1: also show windows that are still open, 0: final ones only"),
)
_FOLDER: Final = "jobs/region_windows"
_FLINK: Final = {
    # The clock of a partition must outlive its silence; windows free their own state.
    "table.exec.state.ttl": "0 ms",
    "python.fn-execution.bundle.size": "2000",
    "python.fn-execution.bundle.time": "50",
    "pipeline.auto-watermark-interval": "100 ms",
    # An early result replaces the one before it by its key: their order is that of the key's task.
    "table.exec.sink.upsert-materialize": "NONE",
    # The second form of the sink gives its operators uids of their own.
    "table.exec.iceberg.use-v2-sink": "true",
    # All inserts read one judged stream: without it the plan has one Python operator for each.
    "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: windows, open windows and late trips."""
    idle_timeout = {"table.exec.source.idle-timeout": f"{settings.options['idle-timeout-s']} s"}
    for key, value in {**_FLINK, **idle_timeout, **settings.flink}.items():
        table.get_config().set(key, value)
    use_lake(table, settings)
    table.create_temporary_system_function("taxi_trip", taxi_trip)
    servers = settings.bootstrap_servers
    table.execute_sql(
        statement(
            f"{_FOLDER}/source.sql",
            **raw_events.source_values(settings, [TAXI_TRIPS], ["taxi_trip"], WATERMARK_DELAY_MS),
        )
    )
    for view, values in (
        ("records", {}),
        ("trips", {}),
        (
            "judged",
            {"allowance_ms": REGION_OUT_OF_ORDERNESS_MS, "window_s": REGION_WINDOW_MS // 1000},
        ),
        ("finals", {}),
    ):
        table.execute_sql(statement(f"{_FOLDER}/{view}.sql", **values))
    table.execute_sql(statement("tables/taxi_region_windows.sql", bootstrap_servers=servers))
    raw_events.register_late(table, settings, "region_late", TAXI_TRIPS)
    statements = table.create_statement_set()
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_windows.sql"))
    statements.add_insert_sql(
        statement(
            f"{_FOLDER}/insert_table.sql",
            target_table=quoted(f"{CATALOG}.{REGION_WINDOWS.stream_table}"),
            uid=REGION_WINDOWS.stream_table.replace(".", "_"),
        )
    )
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_late.sql"))
    if settings.options["early-results"]:
        table.execute_sql(statement(f"{_FOLDER}/fresh.sql"))
        table.execute_sql(
            statement(f"{_FOLDER}/early.sql", topic=REGION_WINDOWS.name, bootstrap_servers=servers)
        )
        statements.add_insert_sql(statement(f"{_FOLDER}/insert_early.sql"))
    return statements


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
