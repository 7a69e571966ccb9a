"""The distance of `views/movements.sql` on a local Flink, against the golden vectors."""

import json

import pytest

from contracts.rules import EARTH_RADIUS_M, IMPOSSIBLE_SPEED_KMH
from flink_jobs.runtime.environment import table_environment
from flink_jobs.runtime.settings import parse
from flink_jobs.runtime.sql import statement
from tests.stack_control import ROOT

VECTORS = json.loads(
    (ROOT / "contracts" / "rules_vectors" / "movement.json").read_text(encoding="utf-8")
)["movement"]


@pytest.mark.timeout(600)
def test_distances_and_impossible_speeds_are_those_of_the_vectors(flink_runtime: None) -> None:
    settings = parse("movements", [], environ={})
    table = table_environment(settings)
    rows = ", ".join(
        f"({number}, false, {v['elapsed_ms']}, 0, cast({v['lat1']} as double), "
        f"cast({v['lon1']} as double), cast({v['lat2']} as double), cast({v['lon2']} as double))"
        for number, v in enumerate(VECTORS)
    )
    columns = "number, is_first, event_time_ms, previous_event_time_ms"
    places = "previous_lat, previous_lon, lat, lon"
    values = f"select * from (values {rows}) as t({columns}, {places})"  # noqa: S608 (ours)
    table.execute_sql(f"create temporary view consecutive_pings as {values}")
    table.execute_sql(statement("views/movements.sql", earth_radius_m=EARTH_RADIUS_M))
    query = f"""
        select number, distance_m, distance_m * 3600.0 > {IMPOSSIBLE_SPEED_KMH} * elapsed_ms
        from movements
    """  # noqa: S608 (a constant of ours)
    with table.execute_sql(query).collect() as found:
        answers = {int(number): (metres, is_fast) for number, metres, is_fast in found}
    assert set(answers) == set(range(len(VECTORS)))
    for number, vector in enumerate(VECTORS):
        metres, is_fast = answers[number]
        assert metres == pytest.approx(vector["distance_m"], rel=1e-9, abs=1e-6), vector["name"]
        assert is_fast is vector["is_impossible"], vector["name"]
