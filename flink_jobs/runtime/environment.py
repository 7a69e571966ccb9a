"""The table environment of a job: names, times, checkpoints, restarts, operator identities."""

from collections.abc import Mapping
from typing import Final

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import EnvironmentSettings, StreamTableEnvironment

from flink_jobs.runtime.settings import JobSettings

CATALOG: Final = "lake"
"""Name under which the Iceberg catalog is registered in every job."""

_FIXED: Final = {
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    # One slow disk moment must not restart a job; a run of failures must.
    "execution.checkpointing.tolerable-failed-checkpoints": "5",
    # With a fixed number of attempts a short outage of Kafka ends a job for good; with a fixed
    # delay a defect burns CPU.
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "1s",
    "restart-strategy.exponential-delay.max-backoff": "30s",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "5min",
    "table.local-time-zone": "UTC",
    # Chained operators hand rows on as they are; a copy per operator cost a quarter of the CPU.
    "pipeline.object-reuse": "true",
    # `identity` gives the operators their uids.
    "table.exec.uid.generation": "DISABLED",
    "python.execution-mode": "process",
}


def configuration(settings: JobSettings) -> dict[str, str]:
    """Return the Flink configuration of a job; what `--set` names wins."""
    return {
        **_FIXED,
        "execution.runtime-mode": settings.mode,
        "pipeline.name": settings.job,
        "parallelism.default": str(settings.parallelism),
        "execution.checkpointing.interval": f"{settings.checkpoint_interval_ms} ms",
        "table.exec.state.ttl": f"{settings.state_ttl_ms} ms",
        **settings.flink,
    }


def stream_environment(settings: JobSettings) -> StreamExecutionEnvironment:
    """Return the DataStream environment of a job; inside a submission it is the cluster's."""
    flink = Configuration()
    for key, value in configuration(settings).items():
        flink.set_string(key, value)
    return StreamExecutionEnvironment.get_execution_environment(flink)


def table_environment(
    settings: JobSettings, environment: StreamExecutionEnvironment | None = None
) -> StreamTableEnvironment:
    """Return the table environment of a job, over its DataStream environment."""
    is_batch = settings.mode == "BATCH"
    table = StreamTableEnvironment.create(
        environment or stream_environment(settings),
        EnvironmentSettings.in_batch_mode()
        if is_batch
        else EnvironmentSettings.in_streaming_mode(),
    )
    config = table.get_config()
    for key, value in configuration(settings).items():
        config.set(key, value)
    return table


def prefer(
    table: StreamTableEnvironment, settings: JobSettings, choices: Mapping[str, str]
) -> None:
    """Set what one job wants otherwise than Flink's defaults; what `--set` names wins."""
    for key, value in choices.items():
        table.get_config().set(key, settings.flink.get(key, value))


def use_lake(table: StreamTableEnvironment, settings: JobSettings) -> None:
    """Register the Iceberg catalog as `lake`; the current catalog stays Flink's own."""
    table.execute_sql(
        f"create catalog {CATALOG} with ("
        f"'type' = 'iceberg', 'catalog-type' = 'rest', 'uri' = '{settings.catalog_uri}',"
        "'cache-enabled' = 'false')"
    )


def lake_target(table: str) -> dict[str, str]:
    """Return what an insert into an Iceberg table, `namespace.name`, needs: its name and its uid.

    With the second form of the sink (`table.exec.iceberg.use-v2-sink`) the uid names its operators,
    so that state finds them again.
    """
    namespace, name = table.split(".", 1)
    # quoted: `stream` is a word of SQL
    return {"target_table": f"{CATALOG}.`{namespace}`.`{name}`", "uid": f"{namespace}_{name}"}


def source_values(settings: JobSettings) -> dict[str, str]:
    """Return the values of the placeholders that every rendered source table has.

    A start without a checkpoint goes on from the group's committed offsets, which follow the
    checkpoints, or from the beginning where there are none: from the beginning always, a plain
    resubmission would write everything again.
    """
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "group_id": settings.group_id,
        "scan_startup_mode": "group-offsets",
        "scan_bounded_mode": "latest-offset" if settings.is_bounded else "unbounded",
    }
