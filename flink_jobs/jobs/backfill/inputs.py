"""What all backfills have in common: their options, and the folder their results go to."""

from typing import Final

from pyflink.table import Table, TableDescriptor

from flink_jobs.runtime.settings import JobSettings, Option, SettingsError
from flink_jobs.runtime.sql import statement

OPTIONS: Final = (
    Option("from-ms", 0, "event time from which on windows are computed, epoch ms"),
    Option("to-ms", 0, "event time up to which windows are computed, epoch ms"),
)


def interval_ms(settings: JobSettings) -> tuple[int, int]:
    """Return the interval of event time.

    Raises:
        SettingsError: It is empty.
    """
    from_ms, to_ms = settings.options["from-ms"], settings.options["to-ms"]
    if from_ms >= to_ms:
        raise SettingsError(f"--from-ms {from_ms} has to lie before --to-ms {to_ms}")
    return from_ms, to_ms


def query(path: str, **values: object) -> str:
    """Return the query of an insert statement: what a running job writes, for another target."""
    text = statement(path, **values)
    return text[text.index("\nselect") :]


def results(settings: JobSettings, table: Table) -> tuple[TableDescriptor, Table]:
    """Return where the rows of a table go, as arguments of `StatementSet.add_insert`."""
    folder = (
        TableDescriptor.for_connector("filesystem")
        .option("path", settings.out)
        .format("json")
        .build()
    )
    return folder, table
