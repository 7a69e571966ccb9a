import csv
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from sim.replay.errors import FileError, FormatError
from sim.replay.formats import FIELDS, NYC_YELLOW
from sim.replay.mapping import format_of
from sim.replay.ordering import by_event_time
from sim.replay.reading import BATCH_ROWS, read_batches
from tests.unit.sim.replay.kit import ROW, SNAKE_HEADER, TLC_HEADER, row

Write = Callable[..., Path]
USABLE_MS = (0, 4_000_000_000_000)


def rows_of(path: Path) -> list[tuple[object, ...]]:
    return [tuple(line.values()) for b in read_batches(path, NYC_YELLOW) for line in b.to_pylist()]


@pytest.mark.parametrize(
    "header",
    [
        TLC_HEADER,
        SNAKE_HEADER,
        tuple(name.upper() for name in TLC_HEADER),
        tuple(f" {name.title()} " for name in SNAKE_HEADER),
    ],
)
def test_every_header_form_gives_the_same_rows(write_csv: Write, header: tuple[str, ...]) -> None:
    assert rows_of(write_csv([ROW], header)) == rows_of(write_csv([ROW], name="plain.csv"))


def test_cells_land_in_their_fields(write_csv: Write) -> None:
    (only,) = rows_of(write_csv([ROW]))
    fields = dict(zip(("row_number", "event_time_ms", *FIELDS), only, strict=True))
    assert fields == {
        "row_number": 1,
        "event_time_ms": 1547541372000,
        "started_at": "2019-01-15 03:36:12",
        "ended_at": "2019-01-15 03:42:19",
        "region": "230",
        "dropoff_zone": "48",
        "distance": "1.0",
        "fare": "6.5",
        "total": "9.75",
        "tip": "1.95",
        "payment_type": "1",
        "passenger_count": "1",
        "duration_s": None,
        "trip_id": None,
    }


def test_ragged_blank_and_undecodable_lines_are_rows_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    good = ",".join(ROW)
    body = [",".join(TLC_HEADER), "", good, good + ",,", "1,2019-01-15 03:36:12", "", good]
    path.write_bytes("\r\n".join(body).encode() + b"\n1,\xff\xfe,x\n")
    rows = rows_of(path)
    assert [r[0] for r in rows] == [1, 2, 3, 4, 5]
    assert rows[0][1:] == rows[1][1:] == rows[3][1:]
    assert rows[2][-1] is None
    assert rows[4][1] is None


def test_parquet_gives_the_text_csv_has(write_csv: Write, tmp_path: Path) -> None:
    source = write_csv([ROW, row(passenger_count="", tip_amount="0.1", trip_distance="12.34")])
    table = pacsv.read_csv(source)
    assert pa.types.is_timestamp(table.schema.field("tpep_pickup_datetime").type)
    pq.write_table(table, tmp_path / "trips.parquet")
    from_parquet = rows_of(tmp_path / "trips.parquet")
    from_csv = rows_of(source)
    assert [r[:2] for r in from_parquet] == [r[:2] for r in from_csv]
    assert from_parquet[1][FIELDS.index("passenger_count") + 2] is None
    assert from_parquet[1][FIELDS.index("tip") + 2] == "0.1"


def test_not_a_number_in_parquet_is_missing(tmp_path: Path) -> None:
    table = pa.table(
        {
            name: pa.array([float("nan")], pa.float64())
            if name == "passenger_count"
            else pa.array([cell])
            for name, cell in zip(TLC_HEADER, ROW, strict=True)
        }
    )
    pq.write_table(table, tmp_path / "nan.parquet")
    assert rows_of(tmp_path / "nan.parquet")[0][FIELDS.index("passenger_count") + 2] is None


def test_rows_are_numbered_across_batches(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(TLC_HEADER)
        writer.writerows([ROW] * (BATCH_ROWS + 3))
    numbers = [n for b in read_batches(path, NYC_YELLOW) for n in b.column(0).to_pylist()]
    assert numbers == list(range(1, BATCH_ROWS + 4))


def test_event_time_order_puts_rows_without_a_usable_time_first(
    write_csv: Write, tmp_path: Path
) -> None:
    times = ["2019-01-02 00:00:00", "junk", "2019-01-01 00:00:00", "2150-01-01 00:00:00", ""]
    path = write_csv([row(tpep_pickup_datetime=t) for t in [*times, times[0]]])
    ordered = by_event_time(read_batches(path, NYC_YELLOW), tmp_path / "sort", USABLE_MS)
    assert [n for b in ordered for n in b.column(0).to_pylist()] == [2, 4, 5, 3, 1, 6]
    assert not (tmp_path / "sort").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n", "no header"),
        (b"a,b,c\n1,2,3\n", r"columns are missing: started_at \(tpep_pickup_datetime or"),
        (b"PAR1 but not really", "not a whole Parquet file"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"pickup_datetime,tpep_pickup_datetime\n", "two columns hold the same field started_at"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message) as raised:
        read_batches(path, NYC_YELLOW)
    assert str(path) in str(raised.value)


def test_a_folder_and_an_absent_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="not a file"):
        read_batches(tmp_path, NYC_YELLOW)
    with pytest.raises(FileError, match="no such file"):
        read_batches(tmp_path / "absent.csv", NYC_YELLOW)


def test_an_unclosed_quote_is_named(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    path.write_text(",".join(TLC_HEADER) + '\n1,"' + "x" * 2_000_000)
    with pytest.raises(FileError, match="unclosed quote"):
        rows_of(path)


def test_an_error_while_sorting_is_the_readers_own(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    path.write_text(",".join(TLC_HEADER) + '\n1,"' + "x" * 2_000_000)
    with pytest.raises(FileError, match="unclosed quote"):
        list(by_event_time(read_batches(path, NYC_YELLOW), tmp_path / "sort", USABLE_MS))


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(FormatError, match="use one of nyc_yellow"):
        format_of("nyc_purple")
