"""Turns blocks of pings into JSON, the columns at once: a line costs a tenth of encoding a struct.

What depends on the label alone is encoded once per label; what differs from ping to ping is laid
out in matrices of characters, four to a word. Numbers keep their trailing zeros, which JSON allows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.events import SCHEMA_VERSION
from contracts.timestamps import rfc3339
from sim.domain.geometry import DEGREE_QUANTUM
from sim.engine.pings import Integers, Label, PingBlock

Fours = npt.NDArray[np.uint32]
Characters = npt.NDArray[np.uint8]

_ID: Final = "00000000-0000-0000-0000-000000000000"
_TIME: Final = "2026-01-01T00:00:00.000Z"
_ABSENT: Final = 0
"""Stands where a number has fewer digits than there is room for; never reaches a record."""


def _hex_pairs() -> npt.NDArray[np.uint16]:
    text = "".join(f"{byte:02x}" for byte in range(256))
    return np.frombuffer(text.encode(), dtype=np.uint16)


def _words(texts: Iterable[str]) -> Fours:
    """Return texts of up to four characters, one word each."""
    joined = "".join(f"{text:{chr(_ABSENT)}>4}" for text in texts)
    return np.frombuffer(joined.encode(), dtype=np.uint32)


_HEX: Final = _hex_pairs()
_FOUR: Final = _words(f"{number:04}" for number in range(10_000))
_THREE: Final = _words(f"{number:03}" for number in range(1000))
_POINT_THREE: Final = _words(f".{number:03}" for number in range(1000))
_UP_TO_FOUR: Final = _words(str(number) for number in range(10_000))
_NONE_OR_FOUR: Final = _words(str(number or "") for number in range(10_000))
_TENTHS: Final = _words(f".{digit}" for digit in range(10))
_DEGREES: Final = _words(f"{sign}{number}" for sign in ("", "-") for number in range(181))
"""Whole degrees; those of the south and west begin at 181."""


def _layout() -> tuple[Fours, list[int]]:
    """Return the text around the numbers in words, and in which word each number begins.

    What is missing to whole words is `_ABSENT`.
    """
    words = b""
    begins = []
    for text, room in (
        (b',"lat":', 12),
        (b',"lon":', 12),
        (b',"speed_kmh":', 8),
        (b',"heading_deg":', 8),
        (b',"accuracy_m":', 8),
        (b',"seq":', 8),
        (b"\n", 0),
    ):
        words += text + bytes([_ABSENT]) * (-len(text) % 4)
        begins.append(len(words) // 4)
        words += bytes([_ABSENT]) * room
    return np.frombuffer(words, dtype=np.uint32), begins


_NUMBERS, (_LAT, _LON, _SPEED, _HEADING, _ACCURACY, _SEQ, _) = _layout()


@dataclass(frozen=True, slots=True)
class Encoded:
    """Pings as a port takes them, each list as long as the block."""

    keys: list[bytes]
    values: list[bytes]
    event_ids: list[str]
    traceparents: list[bytes]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the records of one label have in common. `trace` is empty without a trip."""

    key: bytes
    middle: bytes
    end: bytes
    trace: bytes


class PingEncoder:
    """Encodes the pings of one run."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        head = f'{{"event_id":"{_ID}","event_type":"gps_ping","schema_version":{SCHEMA_VERSION}'
        head += f',"event_time":"{_TIME}"'
        self._head = np.frombuffer(head.encode(), dtype=np.uint8)
        self._id_at = head.index(_ID)
        self._time_at = head.index(_TIME)
        self._trace_begin = np.frombuffer(b"00-", dtype=np.uint8)
        self._trace_end = np.frombuffer(b"-" + bytes(16) + b"-01", dtype=np.uint8)

    def encode(self, block: PingBlock) -> Encoded:
        """Return the records of a block."""
        id_hex = _hex(np.column_stack((block.upper, block.lower)))
        parts: list[_Parts] = [label.encoded or self._parts(label) for label in block.labels]
        heads, event_ids = self._heads(block.at_ms, id_hex)
        numbers = self._number_texts(block)
        return Encoded(
            keys=[part.key for part in parts],
            values=[
                b"".join((head, part.middle, number, part.end))
                for head, part, number in zip(heads, parts, numbers, strict=True)
            ],
            event_ids=event_ids,
            traceparents=self._traceparents(parts, id_hex),
        )

    def _parts(self, label: Label) -> _Parts:
        text = msgspec.json.encode
        entity_id = text(label.entity_id)
        trip_id = text(label.trip_id)
        parts = label.encoded = _Parts(
            key=label.entity_id.encode(),
            middle=b',"run_id":%b,"correlation_id":%b,"causation_id":%b,"entity_type":%b,'
            b'"entity_id":%b'
            % (
                text(self._run_id),
                trip_id,
                text(label.cause_id),
                text(label.entity_type),
                entity_id,
            ),
            end=b',"trip_id":%b,"driver_status":%b}' % (trip_id, text(label.driver_status)),
            trace=f"00-{label.trip_id.replace('-', '')}".encode() if label.trip_id else b"",
        )
        return parts

    def _heads(self, at_ms: Integers, id_hex: Characters) -> tuple[list[bytes], list[str]]:
        count = len(at_ms)
        heads = np.empty((count, len(self._head)), dtype=np.uint8)
        heads[:] = self._head
        at = self._id_at
        for begin, end, place in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
            heads[:, at + place : at + place + end - begin] = id_hex[:, begin:end]
        seconds = at_ms // 1000
        first = int(seconds[0])
        texts = "".join(rfc3339(s * 1000)[:20] for s in range(first, int(seconds[-1]) + 1))
        table = np.frombuffer(texts.encode(), dtype=np.uint8).reshape(-1, 20)
        at = self._time_at
        heads[:, at : at + 20] = table[seconds - first]
        thousandths = np.take(_THREE, at_ms - seconds * 1000).view(np.uint8)
        heads[:, at + 20 : at + 23] = thousandths.reshape(count, 4)[:, 1:]
        ids = heads[:, self._id_at : self._id_at + 36].tobytes().decode()
        return _lines(heads), [ids[i : i + 36] for i in range(0, len(ids), 36)]

    def _number_texts(self, block: PingBlock) -> list[bytes]:
        words = np.empty((len(block), len(_NUMBERS)), dtype=np.uint32)
        words[:] = _NUMBERS
        for at, degrees_e7 in ((_LAT, block.lats_e7), (_LON, block.lons_e7)):
            size = np.abs(degrees_e7)
            whole = size // DEGREE_QUANTUM
            rest = size - whole * DEGREE_QUANTUM
            upper = rest // 10_000
            words[:, at] = np.take(_DEGREES, whole + (degrees_e7 < 0) * 181)
            words[:, at + 1] = np.take(_POINT_THREE, upper)
            words[:, at + 2] = np.take(_FOUR, rest - upper * 10_000)
        for at, tenths in (
            (_SPEED, block.speeds_tenth_kmh),
            (_HEADING, block.headings_tenth_deg),
            (_ACCURACY, block.accuracies_tenth_m),
        ):
            whole = tenths // 10
            words[:, at] = np.take(_UP_TO_FOUR, whole)
            words[:, at + 1] = np.take(_TENTHS, tenths - whole * 10)
        upper = block.sequences // 10_000
        lower = block.sequences - upper * 10_000
        words[:, _SEQ] = np.take(_NONE_OR_FOUR, upper)
        words[:, _SEQ + 1] = np.where(upper > 0, np.take(_FOUR, lower), np.take(_UP_TO_FOUR, lower))
        return words.tobytes().translate(None, bytes([_ABSENT])).split(b"\n")[:-1]

    def _traceparents(self, parts: list[_Parts], id_hex: Characters) -> list[bytes]:
        own = np.empty((len(parts), 35), dtype=np.uint8)
        own[:, :3] = self._trace_begin
        own[:, 3:] = id_hex
        ends = np.empty((len(parts), 20), dtype=np.uint8)
        ends[:] = self._trace_end
        ends[:, 1:17] = id_hex[:, :16]
        return [
            (part.trace or trace) + end
            for part, trace, end in zip(parts, _lines(own), _lines(ends), strict=True)
        ]


def _hex(words: npt.NDArray[np.uint64]) -> Characters:
    """Return words as hexadecimal digits, shape (n, 16 times the words of a row)."""
    digits = np.take(_HEX, words.astype(">u8").view(np.uint8))
    return digits.view(np.uint8).reshape(len(words), -1)


def _lines(text: Characters) -> list[bytes]:
    """Return the rows; none ends with a NUL."""
    lines: list[bytes] = text.view(f"S{text.shape[1]}").ravel().tolist()
    return lines
