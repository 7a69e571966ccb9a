"""Records of any content: codec round trips, and a validation that answers whatever comes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from contracts.domain import DOMAINS, INPUT_TOPICS, Topic
from contracts.fields import Field, Kind, fields_of
from contracts.timestamps import epoch_ms, rfc3339
from contracts.validation import reject_reason

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
REASONS = {
    *("null_value", "oversized", "not_utf8", "not_json", "not_an_object"),
    *("unknown_schema_version", "event_time_missing", "event_time_invalid"),
    *("event_time_out_of_range", "unknown_event_type"),
    *("missing_field", "wrong_type", "out_of_range", "invalid_value"),
}


def values_of(field: Field, topic: Topic) -> st.SearchStrategy[Any]:
    """Return a strategy for the allowed values of a field."""
    found: st.SearchStrategy[Any]
    if field.name == "event_time":
        domain = DOMAINS[topic.domain]
        found = st.integers(domain.earliest_ms, domain.latest_ms).map(rfc3339)
    elif field.enum:
        found = st.sampled_from(field.enum)
    elif field.name == "currency":
        found = st.from_regex(r"[A-Z]{3}", fullmatch=True)
    elif field.kind is Kind.STRING:
        found = TEXT
    elif field.kind is Kind.INTEGER:
        found = st.integers(int(field.minimum or 0), int(field.maximum or 2**53 - 1))
    elif field.kind is Kind.NUMBER:
        found = st.floats(
            field.minimum if field.exclusive_minimum is None else field.exclusive_minimum,
            1e6 if field.maximum is None else field.maximum,
            exclude_min=field.exclusive_minimum is not None,
        )
    elif field.kind is Kind.OBJECT:
        found = st.fixed_dictionaries({f.name: values_of(f, topic) for f in field.fields})
    else:
        found = st.lists(TEXT, max_size=3)
    return st.none() | found if field.is_nullable else found


def events_of(topic: Topic) -> st.SearchStrategy[dict[str, Any]]:
    fields = fields_of(topic.event)
    return st.fixed_dictionaries(
        {field.name: values_of(field, topic) for field in fields if field.is_required},
        optional={field.name: values_of(field, topic) for field in fields if not field.is_required},
    )


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_allowed_event_is_well_formed_and_survives_the_codec(
    topic: Topic, data: st.DataObject
) -> None:
    record = data.draw(events_of(topic))
    value = json.dumps(record, ensure_ascii=False).encode()
    assert reject_reason(topic.name, value) is None
    event = msgspec.json.decode(value, type=topic.event, strict=True)
    again = msgspec.json.encode(event)
    assert msgspec.json.decode(again, type=topic.event, strict=True) == event
    assert reject_reason(topic.name, again) is None
    kept = json.loads(again)
    assert {name: kept[name] for name in record} == record


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_record_with_one_required_field_less_is_malformed(
    topic: Topic, data: st.DataObject
) -> None:
    record = data.draw(events_of(topic))
    name = data.draw(st.sampled_from([f.name for f in fields_of(topic.event) if f.is_required]))
    del record[name]
    reason = reject_reason(topic.name, json.dumps(record).encode())
    others = {"schema_version": "unknown_schema_version", "event_time": "event_time_missing"}
    assert reason == others.get(name, f"missing_field:{name}")


@given(topic=st.sampled_from(INPUT_TOPICS), value=st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_get_a_reason(topic: Topic, value: bytes) -> None:
    reason = reject_reason(topic.name, value)
    assert reason is not None
    assert reason.split(":")[0] in REASONS


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_change_of_one_value_gets_a_known_answer(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(INPUT_TOPICS))
    record = data.draw(events_of(topic))
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JSON)
    value = json.dumps(record).encode()
    reason = reject_reason(topic.name, value)
    if reason is None:
        event = msgspec.json.decode(value, type=topic.event, strict=True)
        assert DOMAINS[topic.domain].accepts(epoch_ms(event.event_time))
    else:
        assert reason.split(":")[0] in REASONS


@given(data=st.data(), cut=st.floats(0, 1, exclude_max=True))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_truncated_record_is_no_json(data: st.DataObject, cut: float) -> None:
    topic = data.draw(st.sampled_from(INPUT_TOPICS))
    value = json.dumps(data.draw(events_of(topic))).encode()
    assert reject_reason(topic.name, value[: int(len(value) * cut)]) == "not_json"


@given(moment_ms=st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_time_survives_the_text(moment_ms: int) -> None:
    text = rfc3339(moment_ms)
    assume(len(text) == 24)
    assert epoch_ms(text) == moment_ms


@given(first=st.integers(0, 2**42), second=st.integers(0, 2**42))
def test_the_order_of_texts_is_the_order_of_times(first: int, second: int) -> None:
    assert (rfc3339(first) < rfc3339(second)) is (first < second)
