"""Turns blocks of pings into JSON, the columns at once: a line costs a tenth of encoding a struct.

What depends on the label alone is encoded once per label; what differs from ping to ping is laid
out in matrices of characters. Numbers keep their trailing zeros, which JSON allows.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.events import SCHEMA_VERSION
from contracts.timestamps import rfc3339
from sim.domain.geometry import DEGREE_QUANTUM
from sim.engine.pings import Integers, Label, PingBlock

Characters = npt.NDArray[np.uint8]

_ID: Final = "00000000-0000-0000-0000-000000000000"
_TIME: Final = "2026-01-01T00:00:00.000Z"
_TRACE: Final = b"00-00000000000000000000000000000000-0000000000000000-01"
_ABSENT: Final = 0
"""Stands where a number has fewer digits than there is room for; never reaches a record."""


def _hex_pairs() -> Characters:
    text = "".join(f"{byte:02x}" for byte in range(256))
    return np.frombuffer(text.encode(), dtype=np.uint8).reshape(256, 2)


def _digits(width: int, padding: str) -> Characters:
    """Return the digits of 0 to 10^width - 1, shape (10^width, width)."""
    text = "".join(f"{number:{padding}>{width}}" for number in range(10**width))
    table = np.frombuffer(text.encode(), dtype=np.uint8).reshape(10**width, width).copy()
    table[table == ord(" ")] = _ABSENT
    return table


_HEX: Final = _hex_pairs()
_THREE: Final = _digits(3, "0")
_FOUR: Final = _digits(4, "0")
_UP_TO_FOUR: Final = _digits(4, " ")
_NONE_OR_FOUR: Final = np.where(np.arange(10_000)[:, None] == 0, _ABSENT, _UP_TO_FOUR)
_NUMBERS: Final = (
    b',"lat":-000.0000000,"lon":-000.0000000,"speed_kmh":0000.0,"heading_deg":0000.0,'
    b'"accuracy_m":0000.0,"seq":00000000'
)
_LAT, _LON, _SPEED, _HEADING, _ACCURACY, _SEQ = (
    _NUMBERS.index(b'"%b":' % name) + len(name) + 3
    for name in (b"lat", b"lon", b"speed_kmh", b"heading_deg", b"accuracy_m", b"seq")
)


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
        self._numbers = np.frombuffer(_NUMBERS, dtype=np.uint8)
        self._trace = np.frombuffer(_TRACE, dtype=np.uint8)

    def encode(self, block: PingBlock) -> Encoded:
        """Return the records of a block."""
        id_hex = _hex(np.column_stack((block.upper, block.lower)))
        parts = [self._parts(label) for label in block.labels]
        heads, event_ids = self._heads(block.at_ms, id_hex)
        numbers = self._number_texts(block)
        return Encoded(
            keys=[part.key for part in parts],
            values=[
                head + part.middle + number + part.end
                for head, part, number in zip(heads, parts, numbers, strict=True)
            ],
            event_ids=event_ids,
            traceparents=self._traceparents(parts, id_hex),
        )

    def _parts(self, label: Label) -> _Parts:
        known = label.encoded
        if isinstance(known, _Parts):
            return known
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
            trace=(label.trip_id or "").replace("-", "").encode(),
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
        heads[:, at + 20 : at + 23] = _THREE[at_ms - seconds * 1000]
        ids = heads[:, self._id_at : self._id_at + 36].tobytes().decode()
        return _lines(heads), [ids[i : i + 36] for i in range(0, len(ids), 36)]

    def _number_texts(self, block: PingBlock) -> list[bytes]:
        text = np.empty((len(block), len(self._numbers)), dtype=np.uint8)
        text[:] = self._numbers
        for at, degrees_e7 in ((_LAT, block.lats_e7), (_LON, block.lons_e7)):
            _put_degrees(text[:, at : at + 12], degrees_e7)
        for at, tenths in (
            (_SPEED, block.speeds_tenth_kmh),
            (_HEADING, block.headings_tenth_deg),
            (_ACCURACY, block.accuracies_tenth_m),
        ):
            whole = tenths // 10
            text[:, at : at + 4] = _UP_TO_FOUR[whole]
            text[:, at + 5] = tenths - whole * 10 + ord("0")
        upper = block.sequences // 10_000
        lower = block.sequences - upper * 10_000
        text[:, _SEQ : _SEQ + 4] = _NONE_OR_FOUR[upper]
        text[:, _SEQ + 4 : _SEQ + 8] = np.where(
            upper[:, None] > 0, _FOUR[lower], _UP_TO_FOUR[lower]
        )
        present = text != _ABSENT
        ends = np.cumsum(present.sum(axis=1)).tolist()
        joined = text[present].tobytes()
        return [joined[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _traceparents(self, parts: list[_Parts], id_hex: Characters) -> list[bytes]:
        lines = np.empty((len(parts), len(_TRACE)), dtype=np.uint8)
        lines[:] = self._trace
        lines[:, 3:35] = id_hex
        lines[:, 36:52] = id_hex[:, :16]
        texts = _lines(lines)
        return [
            b"00-%b%b" % (part.trace, text[35:]) if part.trace else text
            for part, text in zip(parts, texts, strict=True)
        ]


def _hex(words: npt.NDArray[np.uint64]) -> Characters:
    """Return words as hexadecimal digits, shape (n, 16 times the words of a row)."""
    octets = words.astype(">u8").view(np.uint8).reshape(len(words), -1)
    return _HEX[octets].reshape(len(words), -1)


def _put_degrees(text: Characters, degrees_e7: Integers) -> None:
    """Write degrees into room for `-000.0000000`."""
    size = np.abs(degrees_e7)
    whole = size // DEGREE_QUANTUM
    rest = size - whole * DEGREE_QUANTUM
    upper = rest // 1000
    text[:, 0] = np.where(degrees_e7 < 0, ord("-"), _ABSENT)
    text[:, 1:4] = _UP_TO_FOUR[whole, 1:]
    text[:, 5:9] = _FOUR[upper]
    text[:, 9:12] = _THREE[rest - upper * 1000]


def _lines(text: Characters) -> list[bytes]:
    """Return the rows; none ends with a NUL."""
    lines: list[bytes] = text.view(f"S{text.shape[1]}").ravel().tolist()
    return lines
