"""Demand over supply per zone every 10 s of event time, and the multiplier that follows.

Input: rideshare.trips, rideshare.driver_status. Output: rideshare.zone_metrics, late records to
`<topic>.late`. The output is a function of the two topics alone, whatever the pace, the
interleaving of partitions or the restarts; `flink_jobs.logic.surge_*` hold the rules. A topic
without `stream_heartbeat` records needs `--idle-timeout-s`.
"""

from typing import Final

from pyflink.common import Types
from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import (
    DLQ_MAX_MESSAGE_BYTES,
    DRIVER_STATUS,
    TRIPS,
)
from flink_jobs.functions import surge_rows
from flink_jobs.functions.surge import LATE_TAG, Admission, Presence, ZoneClock
from flink_jobs.logic.surge_deltas import WATERMARK_DELAY_MS
from flink_jobs.runtime import raw_events
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "surge"
OPTIONS: Final = raw_events.OPTIONS
_FOLDER: Final = "jobs/surge"
_TOPICS: Final = (TRIPS, DRIVER_STATUS)
_IDLE_TIMEOUT: Final = "table.exec.source.idle-timeout"
_FLINK: Final = {
    # The clock of a partition must outlive its silence; Python state has timers of its own.
    "table.exec.state.ttl": "0 ms",
    # By default each key beyond 1,000 costs a round trip to the JVM and results wait a second.
    "python.state.cache-size": "50000",
    "python.fn-execution.bundle.size": "2000",
    "python.fn-execution.bundle.time": "50",
    "pipeline.auto-watermark-interval": "100 ms",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: zone metrics and late records."""
    configure(table, settings)
    _register_source(table, settings)
    records = table.to_data_stream(table.from_path("surge_records"))
    facts = (
        records.process(Admission(), output_type=surge_rows.FACT)
        .name("surge.admission")
        .uid("surge.admission")
    )
    deltas = (
        facts.key_by(surge_rows.entity_key, key_type=Types.STRING())
        .process(Presence(), output_type=surge_rows.DELTA)
        .name("surge.presence")
        .uid("surge.presence")
    )
    metrics = (
        deltas.key_by(surge_rows.zone_key, key_type=Types.LONG())
        .process(ZoneClock(), output_type=surge_rows.METRICS)
        .name("surge.zone_clock")
        .uid("surge.zone_clock")
    )
    table.create_temporary_view("surge_metrics", metrics)
    table.create_temporary_view("surge_late", facts.get_side_output(LATE_TAG))
    return _sinks(table, settings)


def configure(table: StreamTableEnvironment, settings: JobSettings) -> None:
    """Set what this job needs of Flink; what `--set` names wins."""
    idle_timeout_s = settings.options["idle-timeout-s"]
    wanted = {**_FLINK, _IDLE_TIMEOUT: f"{idle_timeout_s} s", **settings.flink}
    for key, value in wanted.items():
        table.get_config().set(key, value)


def _register_source(table: StreamTableEnvironment, settings: JobSettings) -> None:
    raw_events.register_source(
        table,
        settings,
        ("surge_source", "surge_records"),
        _TOPICS,
        ["trip_state_changed", "driver_status_changed"],
        WATERMARK_DELAY_MS,
    )


def _sinks(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    servers = settings.bootstrap_servers
    table.execute_sql(statement("tables/rideshare_zone_metrics.sql", bootstrap_servers=servers))
    table.execute_sql(
        statement(
            f"{_FOLDER}/late.sql",
            topics=";".join(topic.late for topic in _TOPICS),
            bootstrap_servers=servers,
            max_record_bytes=DLQ_MAX_MESSAGE_BYTES,
        )
    )
    statements = table.create_statement_set()
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_metrics.sql"))
    statements.add_insert_sql(statement(f"{_FOLDER}/insert_late.sql", suffix=_late_suffix()))
    return statements


def _late_suffix() -> str:
    """Return what a late topic adds to the name of its topic."""
    return TRIPS.late.removeprefix(TRIPS.name)


if __name__ == "__main__":
    run(JOB, build, OPTIONS)
