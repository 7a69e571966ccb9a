"""Hourly figures of assembled trips in Gold, against DuckDB over the same made-up versions."""

import datetime as dt
import random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.io.pyarrow import schema_to_pyarrow

from contracts.domain import ASSEMBLED_TRIPS
from contracts.live import AssembledTrip
from contracts.timestamps import epoch_ms
from tests.integration.lake.conftest import Lake

pytestmark = [pytest.mark.trino, pytest.mark.catalog, pytest.mark.timeout(1800)]
START_MS = epoch_ms("2019-01-15T22:00:00Z")
TRUTH = """
with best as (
    select * from versions
    qualify row_number() over (partition by trip_id order by is_complete desc, revision desc) = 1
)
select
    region_id,
    make_timestamp(started_at_ms // 3600000 * 3600000 * 1000) as hour_start,
    count(*) as trip_count,
    count(*) filter (is_complete) as complete_count,
    coalesce(sum(fare_minor), 0)::bigint as revenue_minor,
    avg(duration_s) as mean_duration_s,
    sum(fare_minor) filter (distance_m > 0)
        / nullif(sum(distance_m) filter (fare_minor is not null), 0) * 1000 as fare_minor_per_km,
    sum(distance_m) / sum(duration_s) * 3.6 as mean_speed_kmh
from best
where started_at_ms is not null
group by all
"""


def versions(rng: random.Random) -> list[dict[str, Any]]:
    rows = []
    for n in range(600):
        started = {
            "region_id": rng.randint(1, 5),
            "started_at_ms": START_MS + rng.randrange(4 * 3_600_000),
        }
        ended = {"distance_m": rng.randrange(9000) / 2, "duration_s": 1.0 + rng.randrange(5000)}
        paid = {"fare_minor": rng.randrange(9000), "currency": "USD", "tip_minor": 10}
        parts = [("trip_started", started), ("trip_ended", ended), ("payment_processed", paid)]
        told = rng.sample(parts, rng.randint(1, 3))
        known: dict[str, Any] = {}
        for revision, (_, fields) in enumerate(told, start=1):
            known |= fields
            missing = [name for name, _ in parts if name not in [t for t, _ in told[:revision]]]
            trip = AssembledTrip(
                trip_id=f"t{n}",
                run_id="r",
                revision=revision,
                is_complete=not missing,
                missing=",".join(missing),
                **known,
            )
            rows.append({name: getattr(trip, name) for name in AssembledTrip.__struct_fields__})
    return rows


def test_the_figures_are_those_of_the_best_version_of_each_trip(lake: Lake) -> None:
    rows = versions(random.Random(8))
    now = dt.datetime.now(dt.UTC)
    table = lake.catalog.load_table(ASSEMBLED_TRIPS.stream_table)
    written = [{"_written_at": now, "_written_date": now.date(), **row} for row in rows]
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    # A second life of the job writes everything again.
    table.append(pa.Table.from_pylist(written, schema=schema))
    table.append(pa.Table.from_pylist(written, schema=schema))
    lake.dbt("build", "--select", "agg_zone_hourly_kpis")
    found = {
        (row["region_id"], row["hour_start"].replace(tzinfo=None)): row
        for row in lake.rows("select * from gold.agg_zone_hourly_kpis")
    }
    with duckdb.connect() as connection:
        connection.register("versions", pa.Table.from_pylist(rows))
        cursor = connection.execute(TRUTH)
        names = [column[0] for column in cursor.description or ()]
        expected = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert len(expected) > 15
    assert {(row["region_id"], row["hour_start"]) for row in expected} == found.keys()
    for row in expected:
        actual = found[row["region_id"], row["hour_start"]]
        for name in names[2:]:
            assert actual[name] == pytest.approx(row[name], rel=1e-9), (row, name)
