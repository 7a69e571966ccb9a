"""What is wrong with positions: outliers, impossible speeds, frozen receivers; zombie drivers.

Input: rideshare.gps_pings, rideshare.driver_status. Output: rideshare.anomalies,
`stream.rideshare_anomalies`. The output is a function of the two topics alone; late pings are
judged by nobody here (`gps_aggregates` keeps them, Bronze has them). SQL puts an entity's pings of
`_WINDOW_MS` into one row; a Python function passes over the good ones, and keyed ones decide about
the rest (`flink_jobs.logic.gps_track`, `vigil`). docs/decisions/0023 and 0025 say why.
"""

from typing import Final

from pyflink.common import Types
from pyflink.table import Schema, StatementSet, StreamTableEnvironment

from contracts.anomalies import REJECTION_LIMIT_MS, ZOMBIE_STATUSES
from contracts.domain import ANOMALIES, INPUT_RETENTION_MS
from contracts.events import SCHEMA_VERSION, DriverStatus
from contracts.rules import GPS_OUT_OF_ORDERNESS_MS
from flink_jobs.functions.gps_anomalies import (
    ANOMALY,
    SIGNS,
    Groups,
    Tracks,
    Vigils,
    entity_key,
    group_key,
    sign_ms_of,
)
from flink_jobs.logic.ping_windows import FIELD_END, RECORD_END
from flink_jobs.runtime.environment import lake_target, use_lake
from flink_jobs.runtime.pings import (
    SOURCE,
    register_links,
    register_timed,
    register_valid,
    register_windows,
)
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
_STATUSES: Final = "rideshare_driver_status"
_WINDOW_MS: Final = 20_000
"""An alert waits for the end of its window: longer is less work and later news."""
_KEPT: Final = "event_type in ('gps_ping', 'stream_heartbeat') and rowtime > to_timestamp_ltz(0, 3)"
"""What says that a run goes on; the valid pings are among it."""
_FLINK: Final = {
    # The clock of a partition must outlive its silence: no record lives longer than this.
    "table.exec.state.ttl": f"{INPUT_RETENTION_MS} ms",
    "python.state.cache-size": "50000",
    "python.fn-execution.bundle.size": "2000",
    "python.fn-execution.bundle.time": "50",
    # Each watermark makes Python finish what it has: a backlog is not read ten times a second.
    "pipeline.auto-watermark-interval": "500 ms",
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
        .flat_map(Groups(), output_type=SIGNS)
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
    _register_windows(table, register_timed(table, settings, SOURCE, start_wall_ms))
    register_links(table)
    table.create_temporary_system_function("sign_ms_of", sign_ms_of)
    statuses = register_timed(table, settings, _STATUSES, start_wall_ms)
    table.execute_sql(statement(f"{_FOLDER}/candidates.sql", horizon_ms=REJECTION_LIMIT_MS))
    table.execute_sql(
        statement(
            f"{_FOLDER}/driver_signs.sql",
            statuses=statuses,
            allowance_ms=GPS_OUT_OF_ORDERNESS_MS,
            schema_version=SCHEMA_VERSION,
            zombie_statuses=text_list(sorted(ZOMBIE_STATUSES)),
            driver_statuses=text_list(DriverStatus),
            field_end=FIELD_END,
            record_end=RECORD_END,
        )
    )
    table.execute_sql(statement(f"{_FOLDER}/signs.sql", record_end=RECORD_END))


def _register_windows(table: StreamTableEnvironment, timed: str) -> None:
    """Register the windows as a stream: views alone would be worked out once per branch."""
    register_valid(table, timed)
    register_windows(table, _KEPT, _WINDOW_MS)
    columns = "run_id, entity_type, entity_id, window_time, pings, last_ping, first_ms, last_ms"
    query = table.sql_query(f"select {columns} from ping_windows")  # noqa: S608 - no input in it
    schema = Schema.new_builder().watermark("window_time", "source_watermark()").build()
    stream = table.from_data_stream(table.to_data_stream(query), schema)
    table.drop_temporary_view("ping_windows")
    table.create_temporary_view("ping_windows", stream)


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
