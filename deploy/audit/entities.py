"""Who was where and in which status: the pings and statuses of a run as columns.

A run has a million pings: they are read once, with the rest of their topic (`log`), and kept as
numbers of 4 and 8 bytes.
"""

from array import array
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.domain import DRIVER_STATUS, GPS_PINGS
from contracts.events import DriverStatus, EntityType
from deploy.audit.columns import NO_TIME, Booleans, Floats, Integers

STATUSES: Final = tuple(DriverStatus)
NO_STATUS: Final = -1
_CODES: Final = {status.value: code for code, status in enumerate(STATUSES)}
_STREAM_END: Final = "stream_end"


class Glance(msgspec.Struct, gc=False):
    """What the audit looks at in any well-formed record."""

    event_id: str
    event_type: str
    event_time: str
    run_id: str


class _Ping(Glance, gc=False):
    entity_id: str = ""
    entity_type: str = EntityType.DRIVER
    driver_status: str | None = None
    lat: float = 0.0
    lon: float = 0.0
    accuracy_m: float = 0.0


class _Status(Glance, gc=False):
    entity_id: str = msgspec.field(name="driver_id", default="")
    entity_type: str = EntityType.DRIVER
    driver_status: str | None = msgspec.field(name="status", default=None)
    lat: float = 0.0
    lon: float = 0.0
    accuracy_m: float = 0.0


_OF_ENTITIES: Final = {GPS_PINGS.name: _Ping, DRIVER_STATUS.name: _Status}


def glance_decoder(topic: str) -> msgspec.json.Decoder[Any]:
    """Return the decoder that takes out of a topic's records what the audit needs."""
    return msgspec.json.Decoder(_OF_ENTITIES.get(topic, Glance))


class EntityRows(msgspec.Struct, frozen=True, kw_only=True):
    """Pings or statuses of one run, ordered by place."""

    place: Integers
    entity: npt.NDArray[np.int32]
    """Index into `names`."""
    status: npt.NDArray[np.int8]
    """Index into `STATUSES`, or `NO_STATUS`."""
    is_driver: Booleans
    lat: Floats
    lon: Floats
    accuracy_m: Floats
    names: list[str]
    newest_ms: int
    """The run's clock: its newest event time, `stream_end` left out, which lies beyond the run."""


class EntityBuilder:
    """Collects what concerns one run."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._places = array("q")
        self._entities = array("i")
        self._statuses = array("b")
        self._drivers = array("b")
        self._points = array("d")
        self._numbers: dict[str, int] = {}
        self._newest_ms = NO_TIME

    @staticmethod
    def of(topic: str, run_id: str) -> "EntityBuilder | None":
        """Return a builder for a topic whose records are about the whereabouts of entities."""
        return EntityBuilder(run_id) if topic in _OF_ENTITIES else None

    def add(self, place: int, event_time_ms: int, seen: Any) -> None:
        """Keep a well-formed record if it is the run's."""
        if seen.run_id != self._run_id or seen.event_type == _STREAM_END:
            return
        self._newest_ms = max(self._newest_ms, event_time_ms)
        if not seen.entity_id:
            return
        self._places.append(place)
        self._entities.append(self._numbers.setdefault(seen.entity_id, len(self._numbers)))
        self._statuses.append(_CODES.get(seen.driver_status, NO_STATUS))
        self._drivers.append(seen.entity_type == EntityType.DRIVER)
        self._points.extend((seen.lat, seen.lon, seen.accuracy_m))

    def build(self) -> EntityRows:
        """Return what was collected, ordered by place."""
        place = np.array(self._places, dtype=np.int64)
        order = np.argsort(place, kind="stable")
        points = np.array(self._points, dtype=np.float64).reshape(-1, 3)[order]
        return EntityRows(
            place=place[order],
            entity=np.array(self._entities, dtype=np.int32)[order],
            status=np.array(self._statuses, dtype=np.int8)[order],
            is_driver=np.array(self._drivers, dtype=np.int8)[order] != 0,
            lat=np.ascontiguousarray(points[:, 0]),
            lon=np.ascontiguousarray(points[:, 1]),
            accuracy_m=np.ascontiguousarray(points[:, 2]),
            names=list(self._numbers),
            newest_ms=self._newest_ms,
        )
