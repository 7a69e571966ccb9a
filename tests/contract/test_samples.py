"""Golden samples of every topic and schema version: what was written once must stay readable."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from contracts.domain import INPUT_TOPICS, Topic
from contracts.events import SCHEMA_VERSION, ControlRecord
from contracts.validation import reject_reason

SAMPLES = Path(__file__).parent / "samples"
SCHEMAS = Path(__file__).parents[2] / "contracts" / "rendered" / "json_schema"


def records(version: int, name: str) -> list[dict[str, Any]]:
    text = (SAMPLES / f"v{version}" / f"{name}.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)
    return found


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_version_has_samples_of_every_topic_and_nothing_else() -> None:
    wanted = {f"{topic.name}.json" for topic in INPUT_TOPICS} | {"control_records.json"}
    versions = sorted(path.name for path in SAMPLES.iterdir())
    assert versions == [f"v{version}" for version in range(1, SCHEMA_VERSION + 1)]
    for version in versions:
        assert {path.name for path in (SAMPLES / version).iterdir()} == wanted


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
def test_samples_are_well_formed_and_keep_every_value(topic: Topic) -> None:
    samples = records(SCHEMA_VERSION, topic.name)
    assert samples
    for sample in samples:
        value = json.dumps(sample).encode()
        assert reject_reason(topic.name, value) is None
        event = msgspec.json.decode(value, type=topic.event, strict=True)
        assert json.loads(msgspec.json.encode(event)) == sample


def test_control_samples_are_read_as_control_records() -> None:
    samples = records(SCHEMA_VERSION, "control_records")
    assert {sample["event_type"] for sample in samples} == {"stream_heartbeat", "stream_end"}
    for sample in samples:
        record = msgspec.json.decode(json.dumps(sample).encode(), type=ControlRecord, strict=True)
        assert json.loads(msgspec.json.encode(record)) == sample
        validator("control_record").validate(sample)


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
def test_the_json_schema_takes_the_samples_and_misses_no_required_field(topic: Topic) -> None:
    schema = validator(f"{topic.domain}_{topic.entity}")
    for sample in records(SCHEMA_VERSION, topic.name):
        schema.validate(sample)
        for name in sample:
            without = {key: value for key, value in sample.items() if key != name}
            is_well_formed = reject_reason(topic.name, json.dumps(without).encode()) is None
            assert schema.is_valid(without) is is_well_formed, name


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
@pytest.mark.parametrize("wrong", [None, "", "text", -1, 1.5, True, [], {}, 10**30], ids=repr)
def test_the_json_schema_agrees_on_wrong_values(topic: Topic, wrong: object) -> None:
    schema = validator(f"{topic.domain}_{topic.entity}")
    sample = records(SCHEMA_VERSION, topic.name)[0]
    for name in sample:
        changed = {**sample, name: wrong}
        is_well_formed = reject_reason(topic.name, json.dumps(changed).encode()) is None
        assert schema.is_valid(changed) is is_well_formed, name
