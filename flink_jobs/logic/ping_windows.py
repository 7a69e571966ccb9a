"""The pings of one entity in one window, as SQL packs them into one text.

A window of texts is put together in memory and written to state once, where a row per ping costs
several reads and writes of RocksDB each (docs/decisions/0025).
"""

from typing import Final, NamedTuple

FIELD_END: Final = "\x1f"
RECORD_END: Final = "\x1e"
"""The separators that ASCII has for this; `sql/flink/views/packed_pings.sql` puts them in."""
_LAST_FIELD: Final = 7


class Ping(NamedTuple):
    """One position of an entity.

    Attributes:
        at_ms: Event time, epoch milliseconds.
        lat: Degrees north.
        lon: Degrees east.
        accuracy_m: Radius of the error, metres.
        speed_kmh: Speed over ground.
        status: Of a driver; None of a rider.
        event_id: Identifier.
    """

    at_ms: int
    lat: float
    lon: float
    accuracy_m: float
    speed_kmh: float
    status: str | None
    event_id: str


def unpack(packed: str | None) -> list[Ping]:
    """Return the pings of a packed window, each once, by event time and then by the log.

    Of copies the first in the log stays.
    """
    pings: dict[str, Ping] = {}
    # event time and offset lead, with zeros before them: texts sort as the log does
    for text in sorted(packed.split(RECORD_END)) if packed else ():
        at_ms, _, lat, lon, accuracy_m, speed_kmh, status, event_id = text.split(
            FIELD_END, _LAST_FIELD
        )
        if event_id not in pings:
            pings[event_id] = Ping(
                int(at_ms),
                float(lat),
                float(lon),
                float(accuracy_m),
                float(speed_kmh),
                status or None,
                event_id,
            )
    return list(pings.values())
