"""Hourly figures of assembled trips in Gold, against DuckDB over the same made-up versions."""

import random

import duckdb
import pyarrow as pa
import pytest

from tests.integration.lake.assembled import versions, write
from tests.integration.lake.conftest import Lake

pytestmark = [pytest.mark.trino, pytest.mark.catalog, pytest.mark.timeout(1800)]
TRUTH = """
with best as (
    select * from versions
    qualify row_number() over (partition by trip_id order by is_complete desc, revision desc) = 1
)
select
    region_id,
    make_timestamp(started_at_ms // 3600000 * 3600000 * 1000) as hour_start,
    currency,
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


def test_the_figures_are_those_of_the_best_version_of_each_trip(lake: Lake) -> None:
    rows = versions(random.Random(8))
    # A second life of the job writes everything again.
    write(lake.catalog, rows)
    write(lake.catalog, rows)
    lake.dbt("build", "--select", "agg_zone_hourly_kpis")
    found = {
        (row["region_id"], row["hour_start"].replace(tzinfo=None), row["currency"]): row
        for row in lake.rows("select * from gold.agg_zone_hourly_kpis")
    }
    with duckdb.connect() as connection:
        connection.register("versions", pa.Table.from_pylist(rows))
        cursor = connection.execute(TRUTH)
        names = [column[0] for column in cursor.description or ()]
        expected = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert len(expected) > 15
    keys = {(row["region_id"], row["hour_start"], row["currency"]) for row in expected}
    assert keys == found.keys()
    for row in expected:
        actual = found[row["region_id"], row["hour_start"], row["currency"]]
        for name in names[3:]:
            wanted = None if row[name] is None else pytest.approx(row[name], rel=1e-9)
            assert actual[name] == wanted, (row, name)
