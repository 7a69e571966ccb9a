"""CSV and Parquet files as batches of text cells, streamed: memory does not grow with the file.

Both kinds come out alike: `row_number` (1 is the first data row), `event_time_ms` (null where it is
no time), and one text column per field of the format, so that the same row gives the same event
whatever file it came from.
"""

import csv
import io
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


def _csv(path: Path, format_: Format, progress: ReadProgress) -> Iterator[pa.RecordBatch]:
    raw = path.open("rb")
    # Bytes that are no UTF-8 become the replacement character: the row is judged, not lost.
    rows = csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline=""))
    csv.field_size_limit(LARGEST_CELL_CHARACTERS)
    try:
        header = next((row for row in rows if any(cell.strip() for cell in row)), None)
    except csv.Error as error:
        raw.close()
        raise FileError(f"{path}: not a CSV file ({error})") from error
    try:
        if header is None:
            raise FileError(f"{path}: the file has no header line")
        places = resolve_columns(format_, header)
    except FileError as error:
        raw.close()
        raise FileError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from None
    return _csv_batches(path, raw, rows, places, LocalClock(format_.time_zone), progress)


def _csv_batches(
    path: Path,
    raw: io.BufferedReader,
    rows: Iterator[list[str]],
    places: tuple[int | None, ...],
    clock: LocalClock,
    progress: ReadProgress,
) -> Iterator[pa.RecordBatch]:
    size = path.stat().st_size
    number = 1
    with raw:
        while True:
            try:
                # A line without any cell is no row; some published files have one below the header.
                chunk = [row for row in islice(rows, BATCH_ROWS) if row]
            except csv.Error as error:
                raise FileError(
                    f"{path}: a row from {number} on cannot be split into cells "
                    f"({error}); look for an unclosed quote there"
                ) from error
            if not chunk:
                if next(rows, None) is None:
                    return
                continue
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
            progress(raw.tell(), size)


def _parquet(path: Path, format_: Format, progress: ReadProgress) -> Iterator[pa.RecordBatch]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"{path}: not a whole Parquet file ({error})") from error
    header = list(file.schema_arrow.names)
    try:
        places = resolve_columns(format_, header)
    except FileError as error:
        file.close()
        raise FileError(f"{path}: {error}") from None
    return _parquet_batches(path, file, header, places, LocalClock(format_.time_zone), progress)


def _parquet_batches(
    path: Path,
    file: pq.ParquetFile,
    header: Sequence[str],
    places: tuple[int | None, ...],
    clock: LocalClock,
    progress: ReadProgress,
) -> Iterator[pa.RecordBatch]:
    names = [header[place] for place in places if place is not None]
    total = file.metadata.num_rows
    number = 1
    with file:
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
