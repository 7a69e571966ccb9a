"""One-minute windows of drivers' pings, per driver and per zone.

Input: rideshare.gps_pings. Output: rideshare.gps_aggregates, `stream.rideshare_gps_aggregates`,
late pings to `<topic>.late`. The output is a function of the topic alone, whatever the pace or the
restarts. A job of its own, so that a slow window never delays the live map.

SQL puts a driver's minute into one row; Python splits it into sums, as a zone is a set of H3 cells
(docs/decisions/0022 and 0025 have the figures). State: the pings of open windows; the last ping of
each driver of a run, until it has had none for the retention of the topic. Lost state costs one leg
per driver and the open windows.
"""

from typing import Final

from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import GPS_AGGREGATES, INPUT_RETENTION_MS
from contracts.rules import GPS_OUT_OF_ORDERNESS_MS, GPS_WINDOW_MS
from flink_jobs.functions.gps_aggregates import p95_of, parts_of
from flink_jobs.runtime.environment import lake_target, use_lake
from flink_jobs.runtime.pings import (
    SOURCE,
    register_links,
    register_timed,
    register_valid,
    register_windows,
)
from flink_jobs.runtime.settings import JobSettings, Option
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "gps_aggregates"
OPTIONS: Final = (
    Option(
        "idle-timeout-s", 0, "wall seconds after which a silent partition is ignored, 0 = never"
    ),
    Option("start-wall-ms", 0, "read records from this Kafka timestamp on, 0 = all retained"),
)
_FOLDER: Final = "jobs/gps_aggregates"
_FLINK: Final = {
    # The clock of a partition must outlive its silence: no record lives longer than this. Windows
    # free their own state.
    "table.exec.state.ttl": f"{INPUT_RETENTION_MS} ms",
    "python.fn-execution.bundle.size": "2000",
    "python.fn-execution.bundle.time": "50",
    "pipeline.auto-watermark-interval": "100 ms",
    # Both sinks read one view: without it the plan has every operator twice.
    "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
    "table.exec.iceberg.use-v2-sink": "true",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: aggregates to their topic and table, and late pings."""
    configure(table, settings)
    use_lake(table, settings)
    start_wall_ms = settings.options["start-wall-ms"]
    register_valid(table, register_timed(table, settings, SOURCE, start_wall_ms))
    register_aggregates(table)
    servers = settings.bootstrap_servers
    for sink in ("rideshare_gps_aggregates", "rideshare_gps_pings_late"):
        table.execute_sql(statement(f"tables/{sink}.sql", bootstrap_servers=servers))
    statements = table.create_statement_set()
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_topic.sql"))
    statements.add_insert_sql(
        statement(f"{_FOLDER}/insert_table.sql", **lake_target(GPS_AGGREGATES.stream_table))
    )
    statements.add_insert_sql(
        statement(f"{_FOLDER}/insert_late.sql", allowance_ms=GPS_OUT_OF_ORDERNESS_MS)
    )
    return statements


def register_aggregates(table: StreamTableEnvironment) -> None:
    """Register `aggregates` over `judged_pings`, wherever those come from."""
    table.create_temporary_system_function("parts_of", parts_of)
    table.create_temporary_system_function("p95_of", p95_of)
    register_windows(table, "is_valid and entity_type = 'driver'", GPS_WINDOW_MS)
    register_links(table)
    table.execute_sql(statement(f"{_FOLDER}/driver_parts.sql"))
    table.execute_sql(statement(f"{_FOLDER}/aggregates.sql", window_s=GPS_WINDOW_MS // 1000))


def configure(table: StreamTableEnvironment, settings: JobSettings) -> None:
    """Set what this job needs of Flink; what `--set` names wins."""
    idle_timeout = {"table.exec.source.idle-timeout": f"{settings.options['idle-timeout-s']} s"}
    for key, value in {**_FLINK, **idle_timeout, **settings.flink}.items():
        table.get_config().set(key, value)


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
