"""The bronze half of ingest_bronze alone, and plain SQL that looks at each record beside it.

`--set bench.checks=none` leaves the looking out: what the raw path does when nothing is validated.
"""

from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import INPUT_TOPICS
from flink_jobs.runtime.environment import CATALOG, prefer, source_values, use_lake
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

_FIELDS = ("event_id", "event_type", "schema_version", "event_time", "run_id", "correlation_id")


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return the statement set of the bronze tables only."""
    prefer(table, settings, {"table.exec.iceberg.use-v2-sink": "true"})
    use_lake(table, settings)
    table.execute_sql(statement("tables/raw_records.sql", **source_values(settings)))
    statements = table.create_statement_set()
    for topic in INPUT_TOPICS:
        statements.add_insert_sql(
            statement(
                "jobs/ingest_bronze/insert_bronze.sql",
                target_table=f"{CATALOG}.{topic.bronze_table}",
                topic=topic.name,
                uid=topic.bronze_table.replace(".", "_"),
            )
        )
    if settings.flink.get("bench.checks") != "none":
        table.execute_sql(
            "create temporary table refused (_raw_value bytes) with ('connector' = 'blackhole')"
        )
        refused = " or ".join(
            f"json_value(decode(_raw_value, 'UTF-8'), '$.{field}') is null" for field in _FIELDS
        )
        statements.add_insert_sql(
            f"insert into refused select _raw_value from raw_records where {refused}"  # noqa: S608
        )
    return statements


if __name__ == "__main__":
    run("raw_bronze", build)
