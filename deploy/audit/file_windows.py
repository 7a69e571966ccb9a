"""A replayed file, read and judged once more: DuckDB SQL over the file, nothing shared with replay.

Gives the rows that must be accepted and the windows that must come of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from contracts.domain import TAXI
from contracts.rules import REGION_WINDOW_MS
from deploy.audit.errors import AuditError

_MEMORY: Final = "2GB"
_FIELDS: Final = (
    ("pickup", "started_at"),
    ("dropoff", "ended_at"),
    ("seconds", "duration_s"),
    ("region", "region"),
    ("destination", "dropoff_zone"),
    ("length", "distance"),
    ("fare", "fare"),
    ("total", "total"),
    ("tip", "tip"),
    ("passengers", "passenger_count"),
    ("trip", "trip_id"),
)
"""Name here and name in a format: what the ledger says of the file's columns."""
_TIMES: Final = (
    "['%Y-%m-%d %H:%M:%S', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M:%S.%f', '%Y-%m-%dT%H:%M:%S.%f', "
    "'%m/%d/%Y %I:%M:%S %p']"
)
# DuckDB takes the second pass of an hour that comes twice; the contract takes the first.
_LOCAL_TO_UTC: Final = """
create or replace macro utc(t) as
    case when timezone('{zone}', timezone('{zone}', t) - interval 1 hour) = t
        then timezone('{zone}', t) - interval 1 hour
        else timezone('{zone}', t)
    end
"""
# A time with an offset is no local time; both are cut to whole milliseconds.
_INSTANT: Final = """
create or replace macro instant_ms(t) as
    case when regexp_matches(t, '(Z|[+-][0-9]{2}:?[0-9]{2})$')
        then epoch_ms(try_cast(t as timestamptz))
        else epoch_ms(utc(try_strptime(t, __TIMES__)))
    end
""".replace("__TIMES__", _TIMES)
_ROWS: Final = """
create or replace temp table judged as
with cells as (
    select row_number() over () as row_number, {cells} from {source}
),
read as (
    select
        row_number,
        instant_ms(pickup) as start_ms,
        coalesce(
            cast(trunc(try_cast(seconds as decimal(38, 10)) * 1000) as bigint),
            case when seconds is null then instant_ms(dropoff) - instant_ms(pickup) end
        ) as duration_ms,
        try_cast(region as decimal(38, 3)) as region,
        try_cast(length as decimal(38, 10)) as length,
        round(try_cast(fare as decimal(38, 10)) * 100, 0) as fare_minor,
        (total is null or try_cast(total as decimal(38, 10)) is not null)
            and (tip is null or try_cast(tip as decimal(38, 10)) is not null)
            and (destination is null or try_cast(destination as decimal(38, 3)) >= 0)
            and (passengers is null or try_cast(passengers as decimal(38, 3)) >= 0)
            and ({is_named} or trip is not null) as is_rest_good
    from cells
)
select
    row_number,
    start_ms,
    cast(region as bigint) as region_id,
    start_ms // {window} * {window} as window_start_ms,
    cast(fare_minor as bigint) as fare_minor,
    length,
    duration_ms / 1000.0 as duration_s,
    coalesce(
        start_ms between {earliest} and {latest}
        and duration_ms > 0 and fare_minor >= 0 and length >= 0 and region between 1 and 265
        and is_rest_good,
        false
    ) as is_accepted
from read
"""
_WITHIN: Final = """
delete from judged
where start_ms is null or start_ms < coalesce(?, start_ms) or start_ms >= coalesce(?, start_ms + 1)
"""
_CUT: Final = """
delete from judged
where row_number not in (select row_number from judged order by {order} limit ?)
"""
_WINDOWS: Final = """
select
    region_id,
    window_start_ms,
    count(*) as trip_count,
    avg(fare_minor) as average_fare_minor,
    cast(sum(length) * {metres} as double) as total_distance_m,
    avg(duration_s) as average_duration_s,
    quantile_cont(duration_s, 0.5) as p50_duration_s,
    quantile_cont(duration_s, 0.95) as p95_duration_s,
    quantile_cont(duration_s, 0.99) as p99_duration_s
from judged
where is_accepted and row_number not in (select row_number from late)
group by all
"""


class FileTruth:
    """The file of one replay, judged; a DuckDB connection that must be closed (`opened`)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, metres_per_unit: str) -> None:
        self.connection = connection
        self._windows = _WINDOWS.format(metres=Decimal(metres_per_unit))

    def counts(self) -> tuple[int, int]:
        """Return how many rows must be accepted and how many rejected."""
        ((accepted, rejected),) = self.connection.execute(
            "select count(*) filter (is_accepted), count(*) filter (not is_accepted) from judged"
        ).fetchall()
        return int(accepted), int(rejected)

    def rejected(self) -> list[int]:
        """Return the numbers of the rows that must be rejected."""
        return [
            row
            for (row,) in self.connection.execute(
                "select row_number from judged where not is_accepted order by 1"
            ).fetchall()
        ]

    def make_windows(self, late_rows: Iterable[int]) -> None:
        """Compute the windows into table `expected`, leaving out rows that came too late."""
        late = pa.table({"row_number": pa.array(late_rows, pa.int64())})
        self.connection.register("late", late)
        self.connection.execute(f"create or replace temp table expected as {self._windows}")


@contextmanager
def opened(configuration: Mapping[str, Any], scratch: Path) -> Iterator[FileTruth]:
    """Read and judge the file of a replay; only the rows that it says it has sent.

    Raises:
        AuditError: The file is gone, has changed, or cannot be read.
    """
    path = Path(configuration["file"])
    if not path.is_file():
        raise AuditError(f"the replayed file {path} is not there any more: put it back")
    scratch.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {"memory_limit": _MEMORY, "temp_directory": str(scratch)}
    with duckdb.connect(config=settings) as connection:
        try:
            connection.execute("set timezone = 'UTC'")
            form = configuration["definition"]
            connection.execute(_LOCAL_TO_UTC.format(zone=form["time_zone"].replace("'", "''")))
            connection.execute(_INSTANT)
            _judge(connection, path, form["columns"])
            _cut(connection, configuration)
        except duckdb.Error as error:
            raise AuditError(f"{path} cannot be read by DuckDB ({error})") from error
        yield FileTruth(connection, form["metres_per_unit"])


def _judge(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: Mapping[str, Sequence[str]]
) -> None:
    with path.open("rb") as handle:
        is_parquet = handle.read(4) == b"PAR1"
    quoted = str(path).replace("'", "''")
    source = (
        f"read_parquet('{quoted}')"
        if is_parquet
        else f"read_csv('{quoted}', header=true, all_varchar=true, delim=',', quote='\"', "
        "null_padding=true, strict_mode=false, max_line_size=4194304)"
    )
    header = [name for name, *_ in connection.execute(f"describe from {source}").fetchall()]
    lowered = {name.strip().lower(): name for name in header}
    cells = []
    for field, name in _FIELDS:
        aliases = columns.get(name, ())
        found = next((lowered[alias] for alias in aliases if alias in lowered), None)
        column = "null" if found is None else f'cast("{found}" as varchar)'
        cells.append(f"nullif(nullif(trim({column}), ''), 'nan') as {field}")
    connection.execute(
        _ROWS.format(
            cells=", ".join(cells),
            source=source,
            is_named="false" if columns.get("trip_id") else "true",
            window=REGION_WINDOW_MS,
            earliest=TAXI.earliest_ms,
            latest=TAXI.latest_ms,
        )
    )


def _cut(connection: duckdb.DuckDBPyConnection, configuration: Mapping[str, Any]) -> None:
    """Keep the rows that were sent: of the interval, all or the first ones of the order."""
    bounds = [configuration.get("from_ms"), configuration.get("to_ms")]
    if bounds != [None, None]:
        connection.execute(_WITHIN, bounds)
    sent = configuration.get("rows")
    if sent is None:
        return
    order = "row_number"
    if configuration.get("order") == "event-time":
        usable = f"start_ms between {TAXI.earliest_ms} and {TAXI.latest_ms}"
        order = f"case when {usable} then start_ms end nulls first, row_number"
    connection.execute(_CUT.format(order=order), [int(sent)])
