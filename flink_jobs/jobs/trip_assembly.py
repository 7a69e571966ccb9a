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
    TAXI_TRIP_EVENTS,
)
from contracts.events import TaxiTripPart
from contracts.rules import REGION_OUT_OF_ORDERNESS_MS
from flink_jobs.functions.trip_assembly import LATE_TAG, PART, TRIP, Admission, Assembly, trip_key
from flink_jobs.runtime import raw_events
from flink_jobs.runtime.environment import CATALOG, prefer, use_lake
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import quoted, statement
from flink_jobs.runtime.submission import run

JOB: Final = "trip_assembly"
OPTIONS: Final = raw_events.OPTIONS
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
    raw_events.register_source(
        table,
        settings,
        ("assembly_source", "assembly_records"),
        [TAXI_TRIP_EVENTS],
        list(TaxiTripPart),
        REGION_OUT_OF_ORDERNESS_MS,
    )


def _sinks(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    servers = settings.bootstrap_servers
    table.execute_sql(statement("tables/taxi_assembled_trips.sql", bootstrap_servers=servers))
    raw_events.register_late(table, settings, "assembly_late_records", TAXI_TRIP_EVENTS)
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


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
