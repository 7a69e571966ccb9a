"""Rows in order of event time, by an external sort: DuckDB, spilling to a folder."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from sim.replay.errors import ReplayError
from sim.replay.reading import BATCH_ROWS, SCHEMA

SORT_MEMORY: Final = "1GB"


def by_event_time(
    batches: Iterable[pa.RecordBatch],
    scratch: Path,
    usable_ms: tuple[int, int],
    schema: pa.Schema = SCHEMA,
) -> Iterator[pa.RecordBatch]:
    """Return the rows ordered by event time, ties by row number.

    Rows without a usable event time (none, unreadable, out of the domain's range) come first, in
    file order: they move no watermark there.

    Args:
        batches: Batches of the schema; it has the columns row_number and event_time_ms.
        scratch: Folder for what does not fit into memory; it is made, and removed at the end.
        usable_ms: Earliest and latest event time of the domain, both inclusive.
        schema: Columns of the batches.

    Raises:
        ReplayError: The scratch folder is full or cannot be written.
    """
    failure: list[Exception] = []

    def guarded() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except (
            Exception
        ) as error:  # kept and raised below: DuckDB would turn it into an error of its own
            failure.append(error)
            raise

    try:
        scratch.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReplayError(f"{scratch} cannot be made ({error.strerror})") from error
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": SORT_MEMORY,
        "temp_directory": str(scratch),
        "threads": "2",
    }
    with duckdb.connect(config=settings) as connection:
        connection.register("unordered", pa.RecordBatchReader.from_batches(schema, guarded()))
        try:
            reader = connection.sql(
                """
                select * from unordered
                order by
                    case when event_time_ms between ? and ? then event_time_ms end nulls first,
                    row_number
                """,
                params=list(usable_ms),
            ).to_arrow_reader(BATCH_ROWS)
            if reader is not None:
                yield from reader
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if failure:
                raise failure[0] from None
            raise ReplayError(
                f"rows cannot be sorted by event time ({error}); "
                f"free space in {scratch} or use --order file"
            ) from error
    shutil.rmtree(scratch, ignore_errors=True)
