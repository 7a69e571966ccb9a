"""The question that the DLQ watch asks, and what it makes of the answer."""

from datetime import UTC, datetime

import pytest

from contracts.domain import INPUT_TOPICS, TRIPS
from deploy.local.dlq_watch import Share, TooManyError, statement


def test_every_topic_is_asked_for_with_its_day_and_its_moment() -> None:
    asked = statement(datetime(2026, 3, 10, 23, 50, 7, tzinfo=UTC))
    assert asked.count("union all") == len(INPUT_TOPICS) - 1
    for topic in INPUT_TOPICS:
        assert f"from {topic.dlq_table} where _ingestion_date >= date '2026-03-10'" in asked
    assert "_ingested_at >= timestamp '2026-03-10 23:50:07 UTC'" in asked


@pytest.mark.parametrize(
    ("records", "malformed", "percent"),
    [(0, 0, 0.0), (200, 10, 5.0), (3, 4, 100.0)],
)
def test_a_share_is_of_all_records(records: int, malformed: int, percent: float) -> None:
    assert Share(TRIPS.name, records, malformed, None).percent == percent


def test_too_many_are_named_with_what_to_do() -> None:
    error = TooManyError([Share(TRIPS.name, 100, 50, "not_json")], 10)
    assert "rideshare.trips 50.0 %" in str(error)
    assert "farol dlq show" in str(error)
