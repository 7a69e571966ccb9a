"""Taxi trips out of their parts: start, end and payment, in any order, repeated, late or missing.

Input: taxi.trip_events. Output: taxi.assembled_trips and the Iceberg table of the same, late parts
to `<topic>.late`. A trip is given out when it is complete, or after `rules.TRIP_TIMEOUT_MS` of
event time with what is missing, and again when that comes; `flink_jobs.logic.trip_assembly` holds
the rules. A topic without `stream_heartbeat` records needs `--idle-timeout-s`.
"""

from typing import Final

from pyflink.common import Types
from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import (
    ASSEMBLED_TRIPS,
    DLQ_MAX_MESSAGE_BYTES,
    INPUT_MAX_MESSAGE_BYTES,
    TAXI,
    TAXI_TRIP_EVENTS,
)
from contracts.events import CONTROL_TYPES, SCHEMA_VERSION, TaxiTripPart
from contracts.rules import REGION_OUT_OF_ORDERNESS_MS
from contracts.timestamps import rfc3339
from flink_jobs.functions.trip_assembly import LATE_TAG, PART, TRIP, Admission, Assembly, trip_key
from flink_jobs.runtime.environment import CATALOG, prefer, use_lake
from flink_jobs.runtime.settings import JobSettings, Option
from flink_jobs.runtime.sql import quoted, statement, text_list
from flink_jobs.runtime.submission import run

JOB: Final = "trip_assembly"
OPTIONS: Final = (
    Option(
        "idle-timeout-s", 0, "wall seconds after which a silent partition is ignored, 0 = never"
    ),
    Option("start-wall-ms", 0, "read records from this Kafka timestamp on, 0 = all retained"),
)
_FOLDER: Final = "jobs/trip_assembly"
_FLINK: Final = {
    # The clock of a partition must outlive its silence; trips have timers of their own.
    "table.exec.state.ttl": "0 ms",
    # By default each key beyond 1,000 costs a round trip to the JVM and results wait a second.
    "python.state.cache-size": "50000",
    "python.fn-execution.bundle.size": "10000",
    "python.fn-execution.bundle.time": "200",
    "pipeline.auto-watermark-interval": "200 ms",
    # The second form of the sink gives its operators uids of their own.
    "table.exec.iceberg.use-v2-sink": "true",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: trips to topic and table, and late parts."""
    idle_timeout = {"table.exec.source.idle-timeout": f"{settings.options['idle-timeout-s']} s"}
    prefer(table, settings, {**_FLINK, **idle_timeout})
    use_lake(table, settings)
    _register_source(table, settings)
    records = table.to_data_stream(table.from_path("assembly_records"))
    parts = (
        records.process(Admission(), output_type=PART)
        .name("trip_assembly.admission")
        .uid("trip_assembly.admission")
    )
    trips = (
        parts.key_by(trip_key, key_type=Types.STRING())
        .process(Assembly(), output_type=TRIP)
        .name("trip_assembly.assembly")
        .uid("trip_assembly.assembly")
    )
    table.create_temporary_view("assembled_trips", trips)
    table.create_temporary_view("assembly_late", parts.get_side_output(LATE_TAG))
    return _sinks(table, settings)


def _register_source(table: StreamTableEnvironment, settings: JobSettings) -> None:
    table.execute_sql(
        statement(
            f"{_FOLDER}/source.sql",
            topic=TAXI_TRIP_EVENTS.name,
            bootstrap_servers=settings.bootstrap_servers,
            group_id=settings.group_id,
            max_record_bytes=INPUT_MAX_MESSAGE_BYTES,
            start_wall_ms=settings.options["start-wall-ms"],
            bound="latest-offset" if settings.is_bounded else "unbounded",
            schema_version=SCHEMA_VERSION,
            event_types=text_list([*TaxiTripPart, *CONTROL_TYPES]),
            earliest=_sql_timestamp(TAXI.earliest_ms),
            latest=_sql_timestamp(TAXI.latest_ms),
            watermark_delay_ms=REGION_OUT_OF_ORDERNESS_MS,
        )
    )
    table.execute_sql(statement(f"{_FOLDER}/records.sql"))


def _sinks(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    servers = settings.bootstrap_servers
    table.execute_sql(statement("tables/taxi_assembled_trips.sql", bootstrap_servers=servers))
    table.execute_sql(
        statement(
            f"{_FOLDER}/late.sql",
            topic=TAXI_TRIP_EVENTS.late,
            bootstrap_servers=servers,
            max_record_bytes=DLQ_MAX_MESSAGE_BYTES,
        )
    )
    kept = ASSEMBLED_TRIPS.stream_table
    statements = table.create_statement_set()
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_trips.sql"))
    statements.add_insert_sql(
        statement(
            f"{_FOLDER}/insert_table.sql",
            target_table=quoted(f"{CATALOG}.{kept}"),
            uid=kept.replace(".", "_"),
        )
    )
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_late.sql"))
    return statements


def _sql_timestamp(epoch_ms: int) -> str:
    return rfc3339(epoch_ms).replace("T", " ").removesuffix("Z")


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
