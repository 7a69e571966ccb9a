"""CSV and Parquet files as batches of text cells, streamed: memory does not grow with the file.

Both kinds come out alike: `row_number` (1 is the first data row), `event_time_ms` (null where it is
no time), and one text column per field of the format, so that the same row gives the same event
whatever file it came from.
"""

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.replay.errors import FileError
from sim.replay.formats import FIELDS, Format, resolve_columns
from sim.replay.local_time import LocalClock

BATCH_ROWS: Final = 20_000
LARGEST_CELL_CHARACTERS: Final = 1_048_576
SCHEMA: Final = pa.schema(
    [("row_number", pa.int64()), ("event_time_ms", pa.int64())] + [(f, pa.string()) for f in FIELDS]
)
ReadProgress = Callable[[int, int], None]
"""Called with bytes (or rows) done and in all."""


def read_batches(
    path: Path, format_: Format, progress: ReadProgress = lambda done, total: None
) -> Iterator[pa.RecordBatch]:
    """Return the rows of a file, in file order, as batches of `SCHEMA`.

    The header is checked before the first batch is asked for.

    Raises:
        FileError: The path is no readable file, or its columns are not those of the format.
    """
    if not path.exists():
        raise FileError(f"{path}: no such file")
    if not path.is_file():
        raise FileError(f"{path}: not a file; give one CSV or Parquet file")
    try:
        with path.open("rb") as handle:
            magic = handle.read(4)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    if not magic:
        raise FileError(f"{path}: the file is empty; a header line is needed")
    if magic == b"PAR1":
        return _parquet(path, format_, progress)
    if magic[:2] == b"\x1f\x8b" or magic == b"PK\x03\x04":
        raise FileError(f"{path}: the file is compressed; unpack it first")
    return _csv(path, format_, progress)


def _batch(first_row: int, columns: "Sequence[pa.Array[Any]]", clock: LocalClock) -> pa.RecordBatch:
    read = clock.epoch_ms
    times = [None if text is None else read(text.strip()) for text in columns[0].to_pylist()]
    numbers = pa.array(range(first_row, first_row + len(times)), pa.int64())
    return pa.RecordBatch.from_arrays(
        [numbers, pa.array(times, pa.int64()), *columns], schema=SCHEMA
    )


def _open_text(path: Path) -> io.TextIOWrapper:
    # Bytes that are no UTF-8 become the replacement character: the row is judged, not lost.
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _csv_rows(text: io.TextIOWrapper) -> Iterator[list[str]]:
    """Return the header and the rows as cells, lines without any cell left out."""
    csv.field_size_limit(LARGEST_CELL_CHARACTERS)
    return (row for row in csv.reader(text) if row)


def _csv(path: Path, format_: Format, progress: ReadProgress) -> Iterator[pa.RecordBatch]:
    with _open_text(path) as text:
        try:
            header = next(_csv_rows(text), None)
        except csv.Error as error:
            raise FileError(f"{path}: not a CSV file ({error})") from error
    if header is None:
        raise FileError(f"{path}: the file has no header line")
    places = _resolve(path, format_, header)
    return _csv_batches(path, places, LocalClock(format_.time_zone), progress)


def _resolve(path: Path, format_: Format, header: Sequence[str]) -> tuple[int | None, ...]:
    try:
        return resolve_columns(format_, header)
    except FileError as error:
        raise FileError(f"{path}: {error}") from None


def _csv_batches(
    path: Path,
    places: tuple[int | None, ...],
    clock: LocalClock,
    progress: ReadProgress,
) -> Iterator[pa.RecordBatch]:
    size = path.stat().st_size
    number = 1
    with _open_text(path) as text:
        rows = islice(_csv_rows(text), 1, None)
        while True:
            try:
                chunk = list(islice(rows, BATCH_ROWS))
            except csv.Error as error:
                raise FileError(
                    f"{path}: a row from {number} on cannot be split into cells "
                    f"({error}); look for an unclosed quote there"
                ) from error
            if not chunk:
                return
            columns = [
                pa.nulls(len(chunk), pa.string())
                if place is None
                else pa.array(
                    [row[place] if place < len(row) else None for row in chunk], pa.string()
                )
                for place in places
            ]
            yield _batch(number, columns, clock)
            number += len(chunk)
            progress(os.lseek(text.fileno(), 0, os.SEEK_CUR), size)


def _parquet(path: Path, format_: Format, progress: ReadProgress) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            header = list(file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"{path}: not a whole Parquet file ({error})") from error
    places = _resolve(path, format_, header)
    return _parquet_batches(path, header, places, LocalClock(format_.time_zone), progress)


def _parquet_batches(
    path: Path,
    header: Sequence[str],
    places: tuple[int | None, ...],
    clock: LocalClock,
    progress: ReadProgress,
) -> Iterator[pa.RecordBatch]:
    names = [header[place] for place in places if place is not None]
    number = 1
    with pq.ParquetFile(path) as file:
        total = file.metadata.num_rows
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=names):
                columns = [
                    pa.nulls(batch.num_rows, pa.string())
                    if place is None
                    else _as_text(batch.column(batch.schema.names.index(header[place])))
                    for place in places
                ]
                yield _batch(number, columns, clock)
                number += batch.num_rows
                progress(number - 1, total)
        except (pa.ArrowException, OSError) as error:
            raise FileError(f"{path}: cannot be read from row {number} on ({error})") from error


def _as_text(column: "pa.Array[Any]") -> "pa.Array[Any]":
    if pa.types.is_floating(column.type):
        # Writers that know no null integer use NaN for it.
        column = pc.if_else(pc.is_nan(column), None, column)
    return pc.cast(column, pa.string())
