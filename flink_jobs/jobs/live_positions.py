"""GPS pings to the live map: the valid ones, each once, onto `rideshare.live_positions`.

Input: rideshare.gps_pings. Output: see `sql/flink/jobs/live_positions`; the feeder writes Redis.
State: event ids seen within the state TTL, about 100 bytes each. Lost state costs copies of pings,
which the feeder's guard turns into nothing.

The path ends in a topic instead of a Redis sink: measured at the same latency, with less work in
Python, and an outage of Redis cannot hold up checkpoints here.
"""

from typing import Final

from pyflink.table import StatementSet, StreamTableEnvironment

from flink_jobs.runtime.environment import prefer
from flink_jobs.runtime.pings import SOURCE, register_source, register_valid
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "live_positions"
_LOW_LATENCY: Final = {
    # Each hop waits at most this long for a fuller buffer; the default is ten times as long.
    "execution.buffer-timeout.interval": "10 ms",
    "table.exec.mini-batch.enabled": "false",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return the statement set: one source, keep-first by event id, one topic."""
    prefer(table, settings, _LOW_LATENCY)
    register_source(table, settings, watermark_delay_ms=0)
    register_valid(table, SOURCE)
    table.execute_sql(
        statement(
            "tables/rideshare_live_positions.sql", bootstrap_servers=settings.bootstrap_servers
        )
    )
    statements = table.create_statement_set()
    statements.add_insert_sql(statement("jobs/live_positions/insert.sql"))
    return statements


if __name__ == "__main__":
    run(JOB, build)
