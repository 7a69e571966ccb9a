"""What is wrong with positions: outliers, impossible speeds, frozen receivers; zombie drivers.

Input: rideshare.gps_pings, rideshare.driver_status. Output: rideshare.anomalies,
`stream.rideshare_anomalies`. The output is a function of the two topics alone; late pings are
judged by nobody here (`gps_aggregates` keeps them, Bronze has them). SQL sorts, compares with the
ping before and passes over the good ones; Python decides about the rest
(`flink_jobs.logic.gps_track`, `vigil`). docs/decisions/0023 says why.
"""

from typing import Final

from pyflink.common import Types
from pyflink.table import Schema, StatementSet, StreamTableEnvironment

from contracts.anomalies import FROZEN_STATUSES, REJECTION_LIMIT_MS, ZOMBIE_STATUSES
from contracts.domain import ANOMALIES, INPUT_RETENTION_MS
from contracts.events import SCHEMA_VERSION, DriverStatus, EntityType
from contracts.rules import GPS_OUT_OF_ORDERNESS_MS, IMPOSSIBLE_SPEED_KMH
from flink_jobs.functions.gps_anomalies import (
    ANOMALY,
    SIGN,
    Groups,
    Tracks,
    Vigils,
    entity_key,
    group_key,
)
from flink_jobs.runtime.environment import lake_target, use_lake
from flink_jobs.runtime.pings import SOURCE, register_legs, register_timed, register_valid
from flink_jobs.runtime.settings import JobSettings, Option
from flink_jobs.runtime.sql import statement, text_list
from flink_jobs.runtime.submission import run

JOB: Final = "gps_anomalies"
OPTIONS: Final = (
    Option(
        "idle-timeout-s", 0, "wall seconds after which a silent partition is ignored, 0 = never"
    ),
    Option("start-wall-ms", 0, "read records from this Kafka timestamp on, 0 = all retained"),
)
_FOLDER: Final = "jobs/gps_anomalies"
_PINGS: Final = "seen_pings"
_STATUSES: Final = "rideshare_driver_status"
_A_LITTLE_KMH: Final = 0.001
"""The JVM's sines and Python's differ in the last digit: SQL lets through a little more."""
_FLINK: Final = {
    # The clock of a partition must outlive its silence: no record lives longer than this.
    "table.exec.state.ttl": f"{INPUT_RETENTION_MS} ms",
    "python.state.cache-size": "50000",
    "python.fn-execution.bundle.size": "2000",
    "python.fn-execution.bundle.time": "50",
    "pipeline.auto-watermark-interval": "100 ms",
    # Both sinks read one view: without it the plan has every operator twice.
    "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
    "table.exec.iceberg.use-v2-sink": "true",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: anomalies to their topic and table."""
    configure(table, settings)
    use_lake(table, settings)
    _register_inputs(table, settings)
    tracks = (
        table.to_data_stream(table.from_path("candidates"))
        .key_by(entity_key, key_type=Types.STRING())
        .process(Tracks(), output_type=ANOMALY)
        .name(f"{JOB}.tracks")
        .uid(f"{JOB}.tracks")
    )
    vigils = (
        table.to_data_stream(table.from_path("signs"))
        .flat_map(Groups(), output_type=SIGN)
        .name(f"{JOB}.groups")
        .uid(f"{JOB}.groups")
        .key_by(group_key, key_type=Types.STRING())
        .process(Vigils(), output_type=ANOMALY)
        .name(f"{JOB}.vigils")
        .uid(f"{JOB}.vigils")
    )
    table.create_temporary_view("track_anomalies", tracks)
    table.create_temporary_view("vigil_anomalies", vigils)
    table.execute_sql(statement(f"{_FOLDER}/anomalies.sql"))
    table.execute_sql(
        statement("tables/rideshare_anomalies.sql", bootstrap_servers=settings.bootstrap_servers)
    )
    statements = table.create_statement_set()
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_topic.sql"))
    statements.add_insert_sql(
        statement(f"{_FOLDER}/insert_table.sql", **lake_target(ANOMALIES.stream_table))
    )
    return statements


def configure(table: StreamTableEnvironment, settings: JobSettings) -> None:
    """Set what this job needs of Flink; what `--set` names wins."""
    idle_timeout = {"table.exec.source.idle-timeout": f"{settings.options['idle-timeout-s']} s"}
    for key, value in {**_FLINK, **idle_timeout, **settings.flink}.items():
        table.get_config().set(key, value)


def _register_inputs(table: StreamTableEnvironment, settings: JobSettings) -> None:
    start_wall_ms = settings.options["start-wall-ms"]
    _register_pings(table, register_timed(table, settings, SOURCE, start_wall_ms))
    register_valid(table, _PINGS)
    register_legs(table, EntityType)
    statuses = register_timed(table, settings, _STATUSES, start_wall_ms)
    table.execute_sql(
        statement(
            f"{_FOLDER}/candidates.sql",
            speed_limit_kmh=IMPOSSIBLE_SPEED_KMH - _A_LITTLE_KMH,
            moving_statuses=text_list(sorted(FROZEN_STATUSES)),
            horizon_ms=REJECTION_LIMIT_MS,
        )
    )
    table.execute_sql(
        statement(f"{_FOLDER}/clocks.sql", pings=_PINGS, allowance_ms=GPS_OUT_OF_ORDERNESS_MS)
    )
    table.execute_sql(
        statement(
            f"{_FOLDER}/signs.sql",
            statuses=statuses,
            allowance_ms=GPS_OUT_OF_ORDERNESS_MS,
            schema_version=SCHEMA_VERSION,
            zombie_statuses=text_list(sorted(ZOMBIE_STATUSES)),
            driver_statuses=text_list(DriverStatus),
        )
    )


def _register_pings(table: StreamTableEnvironment, timed: str) -> None:
    """Register the records as a stream: views alone would be read once per branch."""
    query = table.sql_query(statement(f"{_FOLDER}/seen_pings.sql", pings=timed))
    schema = Schema.new_builder().watermark("rowtime", "source_watermark()").build()
    table.create_temporary_view(_PINGS, table.from_data_stream(table.to_data_stream(query), schema))


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
