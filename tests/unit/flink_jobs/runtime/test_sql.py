from string import Template

import pytest

from contracts.domain import GPS_PINGS
from flink_jobs.runtime.sql import SqlFileError, render, statement, text_list


def test_placeholders_are_replaced_and_a_dollar_stays() -> None:
    text = render(Template("select json_value(v, '$$.a') from ${t};\n"), {"t": "x"}, "here")
    assert text == "select json_value(v, '$.a') from x"


def test_a_missing_value_is_named() -> None:
    with pytest.raises(SqlFileError, match="here needs a, b"):
        render(Template("$a ${b} $c"), {"c": 1}, "here")


def test_an_unused_value_is_named() -> None:
    with pytest.raises(SqlFileError, match="here has no placeholder b"):
        render(Template("$a"), {"a": 1, "b": 2}, "here")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SqlFileError, match=r"sql/flink/jobs/none\.sql"):
        statement("jobs/none.sql")


def test_a_rendered_table_is_found() -> None:
    values = dict.fromkeys(
        ("bootstrap_servers", "group_id", "scan_startup_mode", "scan_bounded_mode"), "x"
    )
    text = statement("tables/rideshare_gps_pings.sql", **values, watermark_delay_ms=0)
    assert f"'topic' = '{GPS_PINGS.name}'" in text


def test_texts_are_quoted() -> None:
    assert text_list(["a", "b'c"]) == "'a', 'b''c'"
