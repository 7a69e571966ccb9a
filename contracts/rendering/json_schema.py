"""JSON Schema (2020-12) of the records of each input topic, and of the control records."""

import json
from typing import Any, Final

import msgspec

from contracts.domain import INPUT_TOPICS
from contracts.events import SCHEMA_VERSION, ControlRecord, Envelope

FOLDER: Final = "contracts/rendered/json_schema"


def render() -> dict[str, str]:
    """Return every schema by its path from the repository root."""
    files = {
        f"{FOLDER}/{topic.domain}_{topic.entity}.json": _text(topic.event, topic.name)
        for topic in INPUT_TOPICS
    }
    files[f"{FOLDER}/control_record.json"] = _text(ControlRecord, "control record of any topic")
    return files


def _text(event: type[Envelope] | type[ControlRecord], title: str) -> str:
    (reference,), components = msgspec.json.schema_components(
        [event], ref_template="#/$defs/{name}"
    )
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{title}, schema version {SCHEMA_VERSION}",
        **reference,
        "$defs": components,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
