import json
from datetime import UTC, datetime

import pytest

from deploy.local.dlq.fix import Expression, FixError, document, is_chosen, repaired
from deploy.local.dlq.tables import DlqError, DlqRecord, topic_named

TRIP = {
    "event_id": "0195f3a0-0000-7000-8000-000000000001",
    "event_type": "taxi_trip",
    "schema_version": 1,
    "event_time": "2019-01-01T00:10:00.000Z",
    "run_id": "r-1",
    "trip_id": "r-1-7",
    "region_id": 42,
    "duration_s": 600.0,
    "distance_m": 2500.0,
    "fare_minor": 950,
    "currency": "USD",
}
AT = datetime(2026, 1, 1, tzinfo=UTC)


def record(value, key=b"42", topic="taxi.trips"):
    body = json.dumps(value).encode() if isinstance(value, dict) else value
    return DlqRecord(topic, 1, 7, "some_reason", key, body, AT, AT)


def test_a_repair_is_judged_by_the_contracts():
    broken = record({**TRIP, "fare_minor": "950"})

    outcome = repaired(Expression(".fare_minor |= tonumber"), broken)

    assert outcome.problem is None
    assert json.loads(outcome.value) == TRIP
    assert outcome.key == b"42"


@pytest.mark.parametrize(
    ("fix", "problem"),
    [
        (".", "wrong_type:fare_minor"),
        ("del(.trip_id) | .fare_minor = 1", "missing_field:trip_id"),
        ("empty", "the expression gave 0 results"),
        (".fare_minor, .", "the expression gave 2 results"),
        (".fare_minor |= .x", "the expression fails: Cannot index string with string"),
    ],
)
def test_what_is_still_malformed_is_told(fix, problem):
    outcome = repaired(Expression(fix), record({**TRIP, "fare_minor": "950"}))

    assert (outcome.problem or "").startswith(problem)


def test_text_that_is_no_json_can_be_mended():
    cut = json.dumps(TRIP).encode()[:-1]

    outcome = repaired(Expression('(. + "}") | fromjson'), record(cut))

    assert outcome.problem is None
    assert json.loads(outcome.value) == TRIP


@pytest.mark.parametrize("value", [None, b"\xff\xfe"])
def test_what_has_no_text_is_null(value):
    assert document(record(value)) == "null"
    assert repaired(Expression("."), record(value)).problem == "not_an_object"


def test_a_wrong_key_becomes_that_of_the_repaired_record():
    outcome = repaired(Expression(".fare_minor = 1"), record({**TRIP, "fare_minor": ""}, b"junk"))

    assert outcome.key == b"42"


def test_a_condition_that_fails_does_not_hold():
    trip = record(TRIP)

    assert is_chosen(None, trip)
    assert is_chosen(Expression(".region_id == 42"), trip)
    assert not is_chosen(Expression(".region_id == 43"), trip)
    assert not is_chosen(Expression(".region_id.x == 1"), trip)
    assert is_chosen(Expression('test("bad")'), record(b"bad"))


def test_wrong_expressions_and_topics_are_clear():
    with pytest.raises(FixError, match=r"'\.a \|= \(' is no expression of jq: syntax error"):
        Expression(".a |= (")
    with pytest.raises(DlqError, match=r"no input topic 'trips': known are rideshare\.trips"):
        topic_named("trips")
