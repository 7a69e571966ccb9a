"""What is malformed: the one definition that jobs, DLQ and audit share.

`reject_reason` is on the hot path of `ingest_bronze`: a well-formed record costs one strict decode.
"""

import re
from functools import cache
from typing import Any, Final

import msgspec

from contracts.domain import DOMAINS, Domain, input_topic
from contracts.events import (
    CONTROL_TYPES,
    MAX_RECORD_BYTES,
    SCHEMA_VERSION,
    ControlRecord,
    Envelope,
)
from contracts.timestamps import epoch_ms

_MISSING: Final = re.compile(r"missing required field `([^`]+)`(?: - at `\$\.?([^`]*)`)?")
_AT: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_EXPECTED_TYPE: Final = re.compile(r"^Expected `[^`]+`, got `")


@cache
def _decoder(topic: str) -> tuple[msgspec.json.Decoder[Envelope], Domain]:
    known = input_topic(topic)
    return msgspec.json.Decoder(known.event, strict=True), DOMAINS[known.domain]


_CONTROL: Final = msgspec.json.Decoder(ControlRecord, strict=True)


def reject_reason(topic: str, value: bytes | None) -> str | None:
    """Return why a record is malformed, or None where it is well formed (control records are).

    The reason is one of `null_value`, `oversized`, `not_utf8`, `not_json`, `not_an_object`,
    `unknown_schema_version`, `event_time_missing`, `event_time_invalid`, `event_time_out_of_range`,
    `unknown_event_type`, `missing_field:<path>`, `wrong_type:<path>`, `out_of_range:<path>`,
    `invalid_value:<path>`. The first that applies, in this order, is the answer.

    Args:
        topic: Name of an input topic.
        value: The bytes of the record, None for a tombstone.

    Raises:
        KeyError: The topic is no input topic.
    """
    decoder, domain = _decoder(topic)
    if value is None:
        return "null_value"
    if len(value) > MAX_RECORD_BYTES:
        return "oversized"
    if not value.isascii():
        try:
            value.decode("utf-8")
        except UnicodeDecodeError:
            return "not_utf8"
    try:
        event = decoder.decode(value)
        event_time_ms = epoch_ms(event.event_time)
    except (ValueError, RecursionError):
        return _diagnose(decoder, domain, value)
    return None if domain.accepts(event_time_ms) else "event_time_out_of_range"


def _diagnose(decoder: msgspec.json.Decoder[Envelope], domain: Domain, value: bytes) -> str | None:
    try:
        record: Any = msgspec.json.decode(value)
    except (ValueError, RecursionError):
        return "not_json"
    if not isinstance(record, dict):
        return "not_an_object"
    if record.get("schema_version") != SCHEMA_VERSION or record["schema_version"] is True:
        return "unknown_schema_version"
    reason = _event_time_reason(domain, record.get("event_time"))
    if reason is not None:
        return reason
    if record.get("event_type") in CONTROL_TYPES:
        return _struct_reason(_CONTROL, value)
    reason = _struct_reason(decoder, value)
    return "unknown_event_type" if reason == "invalid_value:event_type" else reason


def _event_time_reason(domain: Domain, text: object) -> str | None:
    if text is None:
        return "event_time_missing"
    if not isinstance(text, str) or not text.endswith("Z"):
        return "event_time_invalid"
    try:
        moment_ms = epoch_ms(text)
    except ValueError:
        return "event_time_invalid"
    return None if domain.accepts(moment_ms) else "event_time_out_of_range"


def _struct_reason(
    decoder: msgspec.json.Decoder[Envelope] | msgspec.json.Decoder[ControlRecord], value: bytes
) -> str | None:
    try:
        decoder.decode(value)
    except msgspec.ValidationError as error:
        return _reason_of(str(error))
    return None


def _reason_of(message: str) -> str:
    missing = _MISSING.search(message)
    if missing:
        field, parent = missing.groups()
        return f"missing_field:{parent}.{field}" if parent else f"missing_field:{field}"
    at = _AT.search(message)
    path = at.group(1) if at else ""
    if path == "event_time":
        return "event_time_invalid"
    if _EXPECTED_TYPE.match(message):
        return f"wrong_type:{path}"
    if message.startswith("Invalid enum value"):
        return f"invalid_value:{path}"
    if message.startswith("Expected `str` matching"):
        return f"invalid_value:{path}"
    return f"out_of_range:{path}"
