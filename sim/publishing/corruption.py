"""Malformed copies of records.

How each is made, and the reason that `contracts.validation` must give for it.

The reason is stated here, not asked for, so that a test can hold the two against each other.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from contracts.domain import (
    DRIVER_PROFILES,
    DRIVER_STATUS,
    GPS_PINGS,
    PAYMENTS,
    RATINGS,
    RIDER_PROFILES,
    SURGE_UPDATES,
    TRIPS,
)
from contracts.events import MAX_RECORD_BYTES


class Corrupted(NamedTuple):
    """The bytes (None is a tombstone) and the expected reason."""

    value: bytes | None
    reason: str


class _Weak(NamedTuple):
    """Fields of a topic that can be spoilt.

    These are a required one, a number, one with bounds, one with fixed values.
    """

    required: str
    number: str
    bounded: str
    beyond: float
    enumerated: str


_WEAK: Final[Mapping[str, _Weak]] = MappingProxyType(
    {
        TRIPS.name: _Weak("rider_id", "offer_sequence", "surge_multiplier", 0.5, "state"),
        GPS_PINGS.name: _Weak("entity_id", "lat", "lat", 123.4, "entity_type"),
        DRIVER_STATUS.name: _Weak("driver_id", "lon", "lon", 512.0, "status"),
        SURGE_UPDATES.name: _Weak("multiplier", "idle_drivers", "multiplier", 0.1, "event_type"),
        RATINGS.name: _Weak("ratee_id", "stars", "stars", 9, "rater"),
        PAYMENTS.name: _Weak("payment_id", "fare_minor", "payout_minor", -1, "method"),
        DRIVER_PROFILES.name: _Weak(
            "dna.gps_noise_m", "home_zone_id", "dna.acceptance_ratio", 1.5, "vehicle_class"
        ),
        RIDER_PROFILES.name: _Weak(
            "display_name", "dna.patience_s", "dna.cancel_ratio", -0.5, "dna.payment_method"
        ),
    }
)
_OVERSIZED_WEIGHT: Final = 0.01


def corrupt(topic: str, value: bytes, kind: str) -> Corrupted:
    """Return a malformed copy.

    Args:
        topic: Name of the topic.
        value: The well-formed record.
        kind: One of `KINDS`.
    """
    return _MAKERS[kind](topic, value)


def draw_kind(uniform: float) -> str:
    """Return the kind of corruption that a number in [0, 1) stands for.

    All are equally likely, but an oversized one is rare: it weighs over 1 MiB.
    """
    return KINDS[int(uniform * (len(KINDS) - 1 + _OVERSIZED_WEIGHT))]


def _truncated(_: str, value: bytes) -> Corrupted:
    end = len(value) // 2
    while value[end] & 0xC0 == 0x80:  # never inside a UTF-8 character
        end -= 1
    return Corrupted(value[:end], "not_json")


def _garbage(_: str, value: bytes) -> Corrupted:
    return Corrupted(b"\x01\x02 not a record " + value[10:24].replace(b'"', b"?"), "not_json")


def _bad_utf8(_: str, value: bytes) -> Corrupted:
    return Corrupted(value.replace(b'"run_id":"', b'"run_id":"\xc3\x28\xff', 1), "not_utf8")


def _array(_: str, value: bytes) -> Corrupted:
    return Corrupted(b"[" + value + b"]", "not_an_object")


def _tombstone(_: str, __: bytes) -> Corrupted:
    return Corrupted(None, "null_value")


def _oversized(_: str, value: bytes) -> Corrupted:
    padding = b'{"padding":"' + b"x" * MAX_RECORD_BYTES + b'",'
    return Corrupted(padding + value[1:], "oversized")


def _missing(topic: str, value: bytes) -> Corrupted:
    path = _WEAK[topic].required
    record, parent, name = _find(value, path)
    del parent[name]
    return Corrupted(msgspec.json.encode(record), f"missing_field:{path}")


def _wrong_type(topic: str, value: bytes) -> Corrupted:
    path = _WEAK[topic].number
    return Corrupted(_with(value, path, "a lot"), f"wrong_type:{path}")


def _beyond(topic: str, value: bytes) -> Corrupted:
    weak = _WEAK[topic]
    return Corrupted(_with(value, weak.bounded, weak.beyond), f"out_of_range:{weak.bounded}")


def _no_such_value(topic: str, value: bytes) -> Corrupted:
    path = _WEAK[topic].enumerated
    reason = "unknown_event_type" if path == "event_type" else f"invalid_value:{path}"
    return Corrupted(_with(value, path, "no_such_value"), reason)


def _setting(path: str, to: Any, reason: str) -> Callable[[str, bytes], Corrupted]:
    def make(_: str, value: bytes) -> Corrupted:
        return Corrupted(_with(value, path, to), reason)

    return make


def _find(value: bytes, path: str) -> tuple[Any, Any, str]:
    record = msgspec.json.decode(value)
    *parents, name = path.split(".")
    parent = record
    for step in parents:
        parent = parent[step]
    return record, parent, name


def _with(value: bytes, path: str, to: Any) -> bytes:
    record, parent, name = _find(value, path)
    parent[name] = to
    return msgspec.json.encode(record)


_MAKERS: Final[Mapping[str, Callable[[str, bytes], Corrupted]]] = MappingProxyType(
    {
        "truncated": _truncated,
        "garbage": _garbage,
        "bad_utf8": _bad_utf8,
        "array": _array,
        "tombstone": _tombstone,
        "missing_field": _missing,
        "wrong_type": _wrong_type,
        "beyond_range": _beyond,
        "no_such_value": _no_such_value,
        "unknown_version": _setting("schema_version", 99, "unknown_schema_version"),
        "unknown_event_type": _setting("event_type", "no_such_event", "unknown_event_type"),
        "time_null": _setting("event_time", None, "event_time_missing"),
        "time_text": _setting("event_time", "yesterday evening", "event_time_invalid"),
        "time_2099": _setting("event_time", "2099-01-01T00:00:00.000Z", "event_time_out_of_range"),
        "time_1970": _setting("event_time", "1970-01-01T00:00:00.000Z", "event_time_out_of_range"),
        "oversized": _oversized,
    }
)
KINDS: Final = tuple(_MAKERS)  # the rare one is the last
