"""What DuckDB calls a record."""

import json

import duckdb
import pytest

from contracts.domain import TRIPS
from deploy.local.dbt_records import Plugin, record_kind
from tests.integration.lake.mutations import samples


def test_a_record_is_an_event_a_control_or_malformed() -> None:
    event = json.dumps(samples(TRIPS.name)[0]).encode()
    control = json.dumps(samples("control_records")[0]).encode()
    assert record_kind(TRIPS.name, event) == "event"
    assert record_kind(TRIPS.name, control) == "control"
    assert record_kind(TRIPS.name, event[:-1]) == "malformed"
    assert record_kind(TRIPS.name, None) == "malformed"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_duckdb_calls_it_for_whole_columns_and_for_nothing_at_all() -> None:
    control = json.dumps(samples("control_records")[0])
    with duckdb.connect() as connection:
        Plugin("records", {}).configure_connection(connection)
        query = (
            "select record_kind(?, value) from (values (?::blob), (null), ('{'::blob)) t (value)"
        )
        found = connection.execute(query, [TRIPS.name, control]).fetchall()
    assert found == [("control",), ("malformed",), ("malformed",)]
