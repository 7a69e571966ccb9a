"""The plainest pipeline that does a job's kind of work: what the product is measured against.

Usage: -pym tests.bench.bare_job --set bench.pipeline=NAME; the pipelines are `bare/NAME.sql`. None
of them validates, splits off late records or names its rows. `positions` writes a record for each
that it reads, as the product does; the results of the others go nowhere.
"""

from pathlib import Path
from string import Template

from pyflink.table import StatementSet, StreamTableEnvironment

from flink_jobs.runtime.environment import source_values
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import render, statement
from flink_jobs.runtime.submission import run

FOLDER = Path(__file__).parent / "bare"


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return the statement set of the pipeline that `bench.pipeline` names."""
    name = settings.flink["bench.pipeline"]
    for source in ("rideshare_gps_pings", "rideshare_trips", "taxi_trips"):
        values = source_values(settings)
        ddl = statement(f"tables/{source}.sql", **values, watermark_delay_ms=15_000)
        table.execute_sql(ddl)
    table.execute_sql(
        statement(
            "tables/rideshare_live_positions.sql", bootstrap_servers=settings.bootstrap_servers
        )
    )
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    *sinks, query = (render(Template(part), {}, origin=name) for part in text.split(";\n"))
    for sink in sinks:
        table.execute_sql(sink)
    statements = table.create_statement_set()
    statements.add_insert_sql(query)
    return statements


if __name__ == "__main__":
    run("bare", build)
