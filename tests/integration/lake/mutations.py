"""Broken, odd and absurd variants of well-formed records, which staging must judge."""

# ruff: noqa: E501 (tables of values)
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from contracts.domain import Topic
from contracts.events import MAX_RECORD_BYTES

SAMPLES: Final = Path(__file__).parents[2] / "contract" / "samples" / "v1"
GONE: Final = object()
REPLACEMENTS: Final[tuple[object, ...]] = (
    GONE, None, True, "", "x", "1", "é", "😀", 'a"b\\c', "x" * 200, "x" * 201, "😀" * 200,
    0, 1, -1, 1.0, 1.5, -0.0, 91, 180.5, 360, 1e300, 1e-300, 2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**63, 2**70,
    [], ["a"], [1], [None], {}, {"lat": 1},
)  # fmt: skip
EVENT_TIMES: Final = (
    "2026-03-02T09:00:00Z", "2026-03-02T09:00:00.1Z", "2026-03-02T09:00:00.123456Z",
    "2026-03-02T09:00:00.1234567Z", "2026-03-02T24:00:00Z", "2026-03-02T23:59:60Z", "2026-02-30T00:00:00Z",
    "2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2026-03-02T09:00:00.000Z\n", "2026-03-02 09:00:00Z",
    "2026-03-02T09:00:00+00:00", "2026-03-02T09:00:00", "2026-03-02T09:00:00z", "2026-3-2T09:00:00Z",
    "2039-12-31T23:59:59.999Z", "2039-12-31T23:59:59.999999Z", "2040-01-01T00:00:00Z", "2020-01-01T00:00:00Z",
    "2019-12-31T23:59:59.999999Z", "2009-01-01T00:00:00Z", "2008-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "٢٠٢٦-03-02T09:00:00Z", "tomorrow", "1772442000000",
)  # fmt: skip


def samples(name: str) -> list[dict[str, Any]]:
    """Return the golden records of a topic (or of `control_records`)."""
    found: list[dict[str, Any]] = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return found


def variants(topic: Topic) -> Iterator[bytes | None]:
    """Yield every variant of a topic's records: each field replaced in turn, and broken bytes."""
    yield None
    records = samples(topic.name)
    for record in records:
        yield _bytes(record)
    for path in _paths(records[0]):
        for replacement in REPLACEMENTS:
            yield _bytes(_changed(records[0], path, replacement))
    for moment in EVENT_TIMES:
        yield _bytes(_changed(records[0], ("event_time",), moment))
    for other in ("stream_end", "stream_heartbeat", "trip_rated", "no_such_type"):
        yield _bytes(_changed(records[0], ("event_type",), other))
    for control in samples("control_records"):
        yield _bytes(control)
        for path in _paths(control):
            for replacement in REPLACEMENTS:
                yield _bytes(_changed(control, path, replacement))
    yield from _broken_bytes(_bytes(records[0]))


def _broken_bytes(good: bytes) -> Iterator[bytes]:
    text = good.decode()
    identity = json.loads(good)["event_id"]
    first = text.index("{") + 1

    def with_extra(value: str) -> bytes:
        return (text[:first] + f'"unknown": {value}, ' + text[first:]).encode()

    yield from (b"", b" ", b"null", b"[]", b'"text"', b"1", b"{}", b"\x00", b"\xff\xfe", b"NaN")
    yield from (good[:-1], good[: len(good) // 2], good + b" \n", good + b"x", good + b"{}")
    yield from (b"\xef\xbb\xbf" + good, b"\x0c" + good, b" \n\t" + good, good.replace(b'"', b"'"))
    yield from (good[:-1] + b",}", good.replace(b":", b"=", 1), good.replace(b"{", b"{/**/", 1))
    yield good.replace(identity.encode(), b"\xff\xfe")
    yield good.replace(identity.encode(), b"\xed\xa0\x80")
    for escape in (
        r"\ud800",
        r"\udc00x",
        r"\ud83d\ude00",
        r"\\ud800",
        r"\u0041",
        "a\nb",
        r"a\xb",
        "a\x7f",
    ):
        yield text.replace(identity, escape).encode()
        yield with_extra(f'"{escape}"')
    for number in (
        "1e400",
        "-1e400",
        "01",
        "+1",
        ".5",
        "5.",
        "1e",
        "-0",
        "1e5",
        "9" * 5000,
        "NaN",
        "Infinity",
    ):
        yield with_extra(number)
    # 1,000 levels or so are where Python's decoder gives up, depending on its caller: left out
    for depth in (100, 900, 2_000, 20_000, 400_000):
        yield with_extra("[" * depth + "]" * depth)
        yield with_extra('{"a":' * depth + "1" + "}" * depth if depth < 100_000 else '"["')
    yield with_extra("[" + "{}," * 2_000 + "{}]")
    yield with_extra('"' + "[{" * 5_000 + '"')
    yield b"[" * 500_000
    padding = MAX_RECORD_BYTES - len(with_extra('""'))
    yield with_extra('"' + "x" * padding + '"')
    yield with_extra('"' + "x" * (padding + 1) + '"')


def _paths(record: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in record.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *inner) for inner in _paths(value))


def _changed(record: dict[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    parent = changed
    for name in path[:-1]:
        parent = parent[name]
    if value is GONE:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return changed


def _bytes(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()
