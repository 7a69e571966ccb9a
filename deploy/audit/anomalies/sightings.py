"""Pings and statuses that came in time, in the order in which the rules look at them.

What is further behind the newest of its partition than allowed is judged by nobody; the order of
the log alone says which these are (decision 0021).
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.rules import GPS_OUT_OF_ORDERNESS_MS
from deploy.audit.columns import Booleans, Floats, Integers
from deploy.audit.log import PARTITION_SHIFT, Kind, TopicLog

_POINT_DIGITS: Final = 1e7
"""Points are whole numbers of 1e-7 degrees to the job, whatever a producer writes."""


class Sightings(msgspec.Struct, frozen=True, kw_only=True):
    """Pings or statuses by entity, event time and place in the log; copies are among them."""

    row: Integers
    """Where they are in the log."""
    at_ms: Integers
    entity: npt.NDArray[np.int32]
    """Index into `names`."""
    is_first: Booleans
    """Whether it is the first of its entity."""
    status: npt.NDArray[np.int8]
    is_driver: Booleans
    lat: Floats
    lon: Floats
    accuracy_m: Floats
    names: list[str]
    late_rows: Integers
    """Where in the log those are that came too late."""

    def by_name(self) -> dict[str, slice]:
        """Return where the rows of each entity are."""
        firsts = np.flatnonzero(self.is_first).tolist()
        ends = [*firsts[1:], len(self.at_ms)]
        return {
            self.names[self.entity[first]]: slice(first, end)
            for first, end in zip(firsts, ends, strict=False)
        }


def late(log: TopicLog, before: Mapping[int, int]) -> Booleans:
    """Return which events lie further behind the newest of their partition than allowed.

    Args:
        log: The records of a run.
        before: Newest event time of each partition before them, where the job has seen it.
    """
    found = np.zeros(len(log.place), dtype=np.bool_)
    partitions = log.place >> PARTITION_SHIFT
    for partition in np.unique(partitions).tolist():
        rows = np.flatnonzero(partitions == partition)
        times = log.event_time_ms[rows]
        newest = np.maximum.accumulate(times)
        if partition in before:
            newest = np.maximum(newest, before[partition])
        found[rows] = times < newest - GPS_OUT_OF_ORDERNESS_MS
    is_event: Booleans = log.kind == Kind.EVENT
    return found & is_event


def sightings(log: TopicLog, before: Mapping[int, int]) -> Sightings:
    """Return what the job must take of the pings or statuses of a run.

    Raises:
        ValueError: The topic is about no entities.
    """
    rows = log.entities
    if rows is None:
        raise ValueError(f"{log.topic} is about no entities")
    inside = np.flatnonzero(np.isin(rows.place, log.place, assume_unique=True))
    at = np.searchsorted(log.place, rows.place[inside])
    is_late = late(log, before)[at]
    kept, row = inside[~is_late], at[~is_late]
    order = np.lexsort((row, log.event_time_ms[row], rows.entity[kept]))
    kept, row = kept[order], row[order]
    entity = rows.entity[kept]
    return Sightings(
        row=row,
        at_ms=log.event_time_ms[row],
        entity=entity,
        is_first=np.diff(entity, prepend=-1) != 0,
        status=rows.status[kept],
        is_driver=rows.is_driver[kept],
        lat=np.rint(rows.lat[kept] * _POINT_DIGITS) / _POINT_DIGITS,
        lon=np.rint(rows.lon[kept] * _POINT_DIGITS) / _POINT_DIGITS,
        accuracy_m=rows.accuracy_m[kept],
        names=rows.names,
        late_rows=at[is_late],
    )
