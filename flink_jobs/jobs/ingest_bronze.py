"""Every input topic into bronze, every byte exactly once; the malformed also into the DLQ.

Input: all input topics of all domains, one raw source. Output: see
`sql/flink/jobs/ingest_bronze`. The tables must exist (`farol lake init`). State: Kafka offsets
and Iceberg files that wait for their checkpoint; nothing grows.
"""

from typing import Final

from pyflink.table import StatementSet, StreamTableEnvironment

from contracts.domain import INPUT_TOPICS
from contracts.events import MAX_RECORD_BYTES
from contracts.plain_form import plain_form
from contracts.validation import reject_reason
from flink_jobs.functions.reject import rejection
from flink_jobs.runtime.environment import lake_target, prefer, source_values, use_lake
from flink_jobs.runtime.settings import JobSettings
from flink_jobs.runtime.sql import statement
from flink_jobs.runtime.submission import run

JOB: Final = "ingest_bronze"
_FOLDER: Final = "jobs/ingest_bronze"
_PLANNER: Final = {
    # Optimizes a shared view once, as a whole. Otherwise the filter of each topic is pushed below
    # the Python call and the plan holds one Python operator per topic (a test counts them).
    "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
    # The second form of the sink gives its operators uids of their own (`uid-suffix`), so state
    # finds them again.
    "table.exec.iceberg.use-v2-sink": "true",
    # The Python operator keeps a bundle of records, of up to 1 MiB each, in the heap.
    "python.fn-execution.bundle.size": "200",
}


def build(table: StreamTableEnvironment, settings: JobSettings) -> StatementSet:
    """Return one statement set: one source, bronze, the DLQ tables and the DLQ topics."""
    prefer(table, settings, _PLANNER)
    use_lake(table, settings)
    table.create_temporary_system_function("rejection", rejection)
    table.execute_sql(statement("tables/raw_records.sql", **source_values(settings)))
    table.execute_sql(statement(f"{_FOLDER}/suspect.sql", is_plain=_is_plain()))
    table.execute_sql(statement(f"{_FOLDER}/sized.sql", max_record_bytes=MAX_RECORD_BYTES))
    table.execute_sql(statement(f"{_FOLDER}/judged.sql"))
    table.execute_sql(
        statement("tables/dlq_records.sql", bootstrap_servers=settings.bootstrap_servers)
    )
    statements = table.create_statement_set()
    oversized = _oversized()
    for topic in INPUT_TOPICS:
        statements.add_insert_sql(
            statement(
                f"{_FOLDER}/insert_bronze.sql", topic=topic.name, **lake_target(topic.bronze_table)
            )
        )
        statements.add_insert_sql(
            statement(
                f"{_FOLDER}/insert_dlq_table.sql",
                topic=topic.name,
                oversized=oversized,
                **lake_target(topic.dlq_table),
            )
        )
    statements.add_insert_sql(
        statement(f"{_FOLDER}/insert_dlq_topics.sql", suffix=_dlq_suffix(), oversized=oversized)
    )
    return statements


def _is_plain() -> str:
    """Return the branches of the question, by topic, whether a record is surely well formed."""
    text = "decode(_raw_value, 'ISO-8859-1')"
    return "\n".join(
        f"when '{topic.name}' then regexp({text}, '\\A{plain_form(topic)}\\z')"
        for topic in INPUT_TOPICS
    )


def _oversized() -> str:
    """Return what the contracts call a record that is too long."""
    reason = reject_reason(INPUT_TOPICS[0].name, bytes(MAX_RECORD_BYTES + 1))
    if reason is None:
        raise ValueError(f"the contracts accept a record of {MAX_RECORD_BYTES + 1} bytes")
    return reason


def _dlq_suffix() -> str:
    """Return what a DLQ topic adds to the name of its topic."""
    suffixes = {t.dlq.removeprefix(t.name) for t in INPUT_TOPICS}
    if len(suffixes) != 1:
        raise ValueError(f"DLQ topics do not share one suffix: {sorted(suffixes)}")
    return suffixes.pop()


if __name__ == "__main__":
    run(JOB, build)
