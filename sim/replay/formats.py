"""The formats replay reads, as a table: columns, unit, time zone and currency of each.

A new format is a new row here (or a mapping file of the same fields), never a new branch in the
code.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from sim.replay.errors import FileError

METRES_PER_MILE: Final = "1609.344"
METRES_PER_KILOMETRE: Final = "1000"


class Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a field may have in the header, in any case.

    An empty tuple means that the format has no such field. A trip needs either `ended_at` or
    `duration_s`.
    """

    started_at: tuple[str, ...]
    region: tuple[str, ...]
    distance: tuple[str, ...]
    fare: tuple[str, ...]
    ended_at: tuple[str, ...] = ()
    duration_s: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    tip: tuple[str, ...] = ()
    payment_type: tuple[str, ...] = ()
    dropoff_zone: tuple[str, ...] = ()
    passenger_count: tuple[str, ...] = ()
    trip_id: tuple[str, ...] = ()
    """Without it a trip is named after the file and its row."""


class Format(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rows of one kind of file become trips."""

    name: str
    columns: Columns
    time_zone: str
    """IANA name of the zone of times that carry no offset."""
    currency: str
    metres_per_unit: str
    """Length of one unit of `distance`, as decimal text: nothing is lost before the product."""
    flagged_zones: frozenset[int] = frozenset()
    """Zones that stand for "unknown": accepted with a flag."""
    optional: frozenset[str] = frozenset()
    """Fields a file may lack."""

    def plain(self) -> dict[str, Any]:
        """Return it as the values of a mapping file, always in the same order."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        columns = {field: names for field, names in found["columns"].items() if names}
        sorted_sets = {name: sorted(found[name]) for name in ("flagged_zones", "optional")}
        return {**found, "columns": columns, **sorted_sets}


FIELDS: Final = tuple(f.name for f in msgspec.structs.fields(Columns))
"""Field order of every row inside replay."""

NYC_YELLOW: Final = Format(
    name="nyc_yellow",
    columns=Columns(
        started_at=("tpep_pickup_datetime", "pickup_datetime"),
        ended_at=("tpep_dropoff_datetime", "dropoff_datetime"),
        region=("pulocationid", "pickup_location_id"),
        dropoff_zone=("dolocationid", "dropoff_location_id"),
        distance=("trip_distance",),
        fare=("fare_amount",),
        total=("total_amount",),
        tip=("tip_amount",),
        payment_type=("payment_type",),
        passenger_count=("passenger_count",),
    ),
    time_zone="America/New_York",
    currency="USD",
    metres_per_unit=METRES_PER_MILE,
    flagged_zones=frozenset({264, 265}),
    optional=frozenset({"total", "tip", "payment_type", "dropoff_zone", "passenger_count"}),
)

STREAMPULSE: Final = Format(
    name="streampulse",
    columns=Columns(
        trip_id=("trip_id",),
        started_at=("event_time",),
        duration_s=("duration",),
        region=("region_id",),
        distance=("distance",),
        fare=("fare",),
    ),
    time_zone="UTC",
    currency="USD",
    metres_per_unit=METRES_PER_KILOMETRE,
)
"""Its files name no units: fares are read as dollars, durations as seconds, distances as km."""

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {f.name: f for f in (NYC_YELLOW, STREAMPULSE)}
)


def resolve_columns(format_: Format, header: Sequence[str]) -> tuple[int | None, ...]:
    """Return the position of every field of `FIELDS` in a header, None where the file lacks it.

    Raises:
        FileError: A needed column is absent, or two columns would fill the same field.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        places.setdefault(name.strip().strip("\ufeff").lower(), []).append(place)
    found: list[int | None] = []
    missing: list[str] = []
    for field in FIELDS:
        aliases: tuple[str, ...] = getattr(format_.columns, field)
        hits = [(alias, place) for alias in aliases for place in places.get(alias, ())]
        if len(hits) > 1:
            names = " and ".join(f"{alias!r} (column {place + 1})" for alias, place in hits)
            raise FileError(f"two columns hold the same field {field}: {names}; remove one")
        if aliases and not hits and field not in format_.optional:
            missing.append(f"{field} ({' or '.join(aliases)})")
        found.append(hits[0][1] if hits else None)
    if missing:
        shown = ", ".join(header[:20]) + (", ..." if len(header) > 20 else "")
        raise FileError(
            f"the file is no {format_.name} file, columns are missing: {'; '.join(missing)}; "
            f"its header is: {shown}"
        )
    return tuple(found)
