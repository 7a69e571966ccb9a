"""Named questions: their headers, their parameters, what a user may get wrong."""

import datetime as dt
import re
from pathlib import Path

import pytest

from deploy.local.queries import Query, QueryError, all_queries, assignments, named
from tests.stack_control import ROOT

TEXT = """-- Purpose: trips of one state since a day.
-- Reads: gold.fact_trips.
-- Parameter first_day (date, default 2026-01-01): the first day that counts.
-- Parameter state (text): the state.
select count(*) as trips
from lake.gold.fact_trips
where requested_at >= $first_day and state = $state and requested_at >= $first_day
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trips_of.sql").write_text(TEXT, encoding="utf-8")
    return tmp_path


def test_values_are_bound_in_the_order_of_the_statement(folder: Path) -> None:
    statement, values = named(folder, "trips_of").bound({"state": "it's"})
    assert "requested_at >= ? and state = ? and requested_at >= ?" in statement
    assert values == [dt.date(2026, 1, 1), "it's", dt.date(2026, 1, 1)]
    assert not statement.startswith("--")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"needs --set state=\.\.\.: the state\. \(text\)"),
        ({"state": "x", "day": "y"}, "no parameter 'day'; it has: first_day, state"),
        ({"state": "x", "first_day": "soon"}, "first_day is of kind date, not 'soon'"),
    ],
)
def test_wrong_parameters_are_named(folder: Path, given: dict[str, str], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        named(folder, "trips_of").bound(given)


AS_IT_WAS = """-- Purpose: trips as they were.
-- Parameter state (text): the state.
-- Parameter hours_ago (hours, default 24): how long ago.
select count(*) from lake.gold.fact_trips
for timestamp as of date_add('second', cast(-3600 * $hours_ago as bigint), current_timestamp)
where state = $state
"""


@pytest.mark.parametrize(
    ("given", "written"), [("24", "-3600 * 24 "), ("0.5", "-3600 * 0.5 "), ("1E+2", "-3600 * 100 ")]
)
def test_hours_are_written_into_the_text_as_numbers(
    tmp_path: Path, given: str, written: str
) -> None:
    (tmp_path / "as_it_was.sql").write_text(AS_IT_WAS, encoding="utf-8")
    asked = {"state": "STARTED", "hours_ago": given}
    statement, values = named(tmp_path, "as_it_was").bound(asked)
    assert written in statement
    assert statement.endswith("state = ?")
    assert values == ["STARTED"]


@pytest.mark.parametrize("given", ["1; drop", "1)", "NaN", "-1", "0", "Infinity", "1e9", ""])
def test_what_is_no_number_of_hours_is_refused(tmp_path: Path, given: str) -> None:
    (tmp_path / "as_it_was.sql").write_text(AS_IT_WAS, encoding="utf-8")
    with pytest.raises(QueryError, match="hours_ago is of kind hours, not"):
        named(tmp_path, "as_it_was").bound({"state": "x", "hours_ago": given})


@pytest.mark.parametrize("given", ["-1", "0", "1.5", "ten", "", "99999999999999999999"])
def test_what_is_no_count_of_rows_is_refused(tmp_path: Path, given: str) -> None:
    text = (
        "-- Purpose: some.\n-- Parameter rows (count, default 3): how many.\nselect 1 limit $rows"
    )
    (tmp_path / "some.sql").write_text(text, encoding="utf-8")
    some = named(tmp_path, "some")
    assert some.bound({})[1] == [3]
    with pytest.raises(QueryError, match=r"of kind count, not '.*': give a whole number from 1 "):
        some.bound({"rows": given})


def test_a_limit_is_a_count() -> None:
    for query in all_queries(ROOT / "sql" / "trino" / "queries"):
        limits = re.findall(r"limit \$(\w+)", query.statement)
        kinds = {parameter.name: parameter.kind for parameter in query.parameters}
        assert [kinds[name] for name in limits] == ["count"] * len(limits), query.name


@pytest.mark.parametrize("name", ["nope", "../trips_of", ""])
def test_an_unknown_query_lists_the_known(folder: Path, name: str) -> None:
    with pytest.raises(QueryError, match="queries are: trips_of"):
        named(folder, name)


def test_a_header_that_does_not_fit_its_statement_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.sql"
    path.write_text("-- Purpose: odd.\nselect $x", encoding="utf-8")
    with pytest.raises(QueryError, match=r"uses \['x'\], its header describes \[\]"):
        Query.read(path)


def test_assignments_need_an_equals_sign() -> None:
    assert assignments(["a=1", "b=x=y"]) == {"a": "1", "b": "x=y"}
    with pytest.raises(QueryError, match="write name=value"):
        assignments(["a"])


def test_every_query_of_the_project_has_a_purpose_and_defaults() -> None:
    queries = all_queries(ROOT / "sql" / "trino" / "queries")
    assert queries
    for query in queries:
        assert query.purpose, query.name
        query.bound({})
